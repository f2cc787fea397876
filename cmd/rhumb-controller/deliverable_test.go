// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"rhumb.run/rhumb/internal/testkit/controlplane"
)

// appKind is a kind that deploys what it is told to fetch, and says in its status what it fetched: kapp-controller's,
// for whom a test acts.
const appKind = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: apps.kappctrl.k14s.io}
spec:
  group: kappctrl.k14s.io
  scope: Namespaced
  names: {kind: App, listKind: AppList, plural: apps, singular: app}
  versions:
  - name: v1alpha1
    served: true
    storage: true
    subresources: {status: {}}
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec: {type: object, x-kubernetes-preserve-unknown-fields: true}
          status: {type: object, x-kubernetes-preserve-unknown-fields: true}`

var apps = schema.GroupVersionResource{Group: "kappctrl.k14s.io", Version: "v1alpha1", Resource: "apps"}

func (b *bed) apps() dynamic.ResourceInterface { return b.client.Resource(apps).Namespace(b.ns) }

func (b *bed) haveApps() {
	b.t.Helper()
	b.have(appKind, b.apps())
}

// deployRights let the account of a bed's owners stamp Apps, too.
const deployRights = `
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: deployer}
rules: [{apiGroups: [kappctrl.k14s.io], resources: [apps], verbs: [get, list, watch, create, patch, delete]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: deployer}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: deployer}
subjects: [{kind: ServiceAccount, name: builder, namespace: NS}]`

// delivery is three hops: a source, its deployment by an App, and what reads the
// source once it is deployed.
const delivery = `
apiVersion: carto.run/v1alpha1
kind: ClusterSourceTemplate
metadata: {name: NS-source}
spec:
  urlPath: .data.url
  revisionPath: .data.revision
  params: [{name: text, default: hello}]
  template:
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: $(deliverable.metadata.name)$-source}
    data: {url: "http://source", revision: "<$(params.text)$>"}
---
apiVersion: carto.run/v1alpha1
kind: ClusterDeploymentTemplate
metadata: {name: NS-app}
spec:
  observedMatches: [{input: spec.fetch, output: status.fetched}]
  template:
    apiVersion: kappctrl.k14s.io/v1alpha1
    kind: App
    metadata: {name: $(deliverable.metadata.name)$-app}
    spec: {fetch: [{http: {url: $(deployment.url)$, revision: $(deployment.revision)$}}]}
---
apiVersion: carto.run/v1alpha1
kind: ClusterTemplate
metadata: {name: NS-deploy}
spec:
  template:
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: $(deliverable.metadata.name)$-deploy}
    data: {config: $(source.revision)$}
---
apiVersion: carto.run/v1alpha1
kind: ClusterDelivery
metadata: {name: NS}
spec:
  selector: {bed: NS}
  resources:
  - {name: source, templateRef: {kind: ClusterSourceTemplate, name: NS-source}}
  - {name: run, templateRef: {kind: ClusterDeploymentTemplate, name: NS-app}, deployment: {resource: source}}
  - {name: deploy, templateRef: {kind: ClusterTemplate, name: NS-deploy}, sources: [{resource: run, name: deployed}]}`

const deliverable = `
apiVersion: carto.run/v1alpha1
kind: Deliverable
metadata: {name: app}
spec: {serviceAccountName: builder, params: [{name: text, value: one}]}`

// deploys is another controller until the test ends: what an App is to fetch,
// it shows as fetched.
func (b *bed) deploys() {
	b.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	watch, err := b.apps().Watch(ctx, metav1.ListOptions{})
	if err != nil {
		b.t.Fatal(err)
	}
	done := make(chan struct{})
	b.t.Cleanup(func() { stop(); watch.Stop(); <-done })
	go func() {
		defer close(done)
		for event := range watch.ResultChan() {
			if u, ok := event.Object.(*unstructured.Unstructured); ok && event.Type != "DELETED" {
				b.deployed(ctx, u)
			}
		}
	}()
}

// deployed shows what an App was to fetch as fetched. A conflict is followed by
// another event.
func (b *bed) deployed(ctx context.Context, u *unstructured.Unstructured) {
	fetch, _, _ := unstructured.NestedSlice(u.Object, "spec", "fetch")
	u.Object["status"] = map[string]any{"observedGeneration": u.GetGeneration(), "fetched": fetch}
	_, _ = b.apps().UpdateStatus(ctx, u, metav1.UpdateOptions{FieldManager: "somebody"})
}

// What is deployed is handed on when another controller says that it is
// deployed, and not a moment before.
func TestDeliverableIsDelivered(t *testing.T) {
	b := newBed(t)
	b.haveApps()
	b.start(nil)
	b.apply(rights + "\n---" + deployRights + "\n---" + delivery + "\n---" + deliverable)
	d := b.owner("deliverables", "app", "Unknown", "ConditionNotMet")
	const waits = "resource [run] condition not met: could not find value on output [status.fetched]: jsonpath returned empty list: status.fetched"
	if got := readyCondition(d)["message"]; got != waits {
		t.Errorf("message = %q, want %q", got, waits)
	}
	run := b.object(b.apps(), "app-app")
	b.deployed(t.Context(), run.DeepCopy())
	b.data("app-deploy", deployed("one"))
	d = b.owner("deliverables", "app", "True", "Ready")
	if ref, _, _ := unstructured.NestedString(d.Object, "status", "deliveryRef", "kind"); ref != "ClusterDelivery" {
		t.Errorf("the status names %q as what is followed", ref)
	}
	want := map[string]string{
		"carto.run/deliverable-name": "app", "carto.run/deliverable-namespace": b.ns, "carto.run/delivery-name": b.ns,
		"carto.run/resource-name": "run", "carto.run/template-kind": "ClusterDeploymentTemplate",
		"carto.run/cluster-template-name": b.ns + "-app", "carto.run/template-lifecycle": "mutable",
	}
	for key, value := range want {
		if run.GetLabels()[key] != value {
			t.Errorf("label %s is %q, want %q", key, run.GetLabels()[key], value)
		}
	}

	b.merge(b.carto("deliverables"), "app", `{spec: {params: [{name: text, value: two}]}}`)
	b.owner("deliverables", "app", "Unknown", "ConditionNotMet")
	b.data("app-deploy", deployed("one")) // what runs stays until the next is deployed
	b.deploys()
	b.data("app-deploy", deployed("two"))
	b.owner("deliverables", "app", "True", "Ready")
	b.until("events are told of the deliverable", func() (bool, string) {
		all := strings.Join(b.events(), "\n")
		return strings.Contains(all, "StampedObjectApplied: Created object [apps.kappctrl.k14s.io/app-app]"), all
	})
}

func TestDeploymentTemplateThatChanges(t *testing.T) {
	b := newBed(t)
	b.haveApps()
	b.start(nil)
	b.deploys()
	docs := strings.Split(delivery, "\n---\n")
	b.apply(rights + "\n---" + deployRights + "\n---\n" + docs[0] + "\n---\n" + docs[2] + "\n---\n" + docs[3] + "\n---" + deliverable)
	d := b.owner("deliverables", "app", "False", "TemplatesNotFound")
	if got := readyCondition(d)["message"]; got != "did not find the template of the resource(s) [run]" {
		t.Errorf("message = %q", got)
	}
	b.apply(docs[1])
	b.owner("deliverables", "app", "True", "Ready")

	b.merge(b.client.Resource(cartoResource("clusterdeploymenttemplates")), b.ns+"-app",
		`{spec: {observedMatches: null, observedCompletion: {succeeded: {key: "status.fetched[0].http.revision", value: <one>}, failed: {key: status.broken, value: "yes"}}}}`)
	b.owner("deliverables", "app", "True", "Ready")
	b.merge(b.client.Resource(cartoResource("clusterdeploymenttemplates")), b.ns+"-app",
		`{spec: {observedCompletion: {failed: {key: "status.fetched[0].http.revision", value: <one>}}}}`)
	d = b.owner("deliverables", "app", "False", "")
	const want = "resource [run] failed condition met: deployment failure condition [status.fetched[0].http.revision] was: <one>"
	if c := condition(d, "ResourcesSubmitted"); c["reason"] != "FailedConditionMet" || c["message"] != want {
		t.Errorf("submitted is %v, want %q", c, want)
	}
}

func TestNoDeliveryThenOne(t *testing.T) {
	b := newBed(t)
	b.haveApps()
	b.start(nil)
	b.deploys()
	// A supply chain that asks for the same is for Workloads alone.
	b.apply(rights + "\n---" + deployRights + "\n---" + chain + "\n---" + deliverable)
	b.owner("deliverables", "app", "False", "DeliveryNotFound")
	b.apply(delivery)
	b.owner("deliverables", "app", "True", "Ready")
}

// A delivery may act as another namespace's account only where that account grants it.
func TestAccountOfADeliveryNeedsAGrant(t *testing.T) {
	b := newBed(t)
	b.haveApps()
	b.start(nil)
	b.deploys()
	elsewhere := bedOn(t, b.config, controlplane.Namespace(t))
	elsewhere.apply(strings.Split(rights, "\n---\n")[0])
	bound := strings.ReplaceAll(rights+"\n---"+deployRights, "namespace: NS", "namespace: "+elsewhere.ns)
	named := strings.Replace(delivery, "  selector: {bed: NS}", "  selector: {bed: NS}\n  serviceAccountRef: {name: builder, namespace: "+elsewhere.ns+"}", 1)
	b.apply(bound + "\n---" + named + "\n---" + strings.Replace(deliverable, "serviceAccountName: builder, ", "", 1))
	d := b.owner("deliverables", "app", "False", "ServiceAccountError")
	if got := readyCondition(d)["message"].(string); !strings.Contains(got, "rhumb.run/blueprints="+b.ns) {
		t.Errorf("message %q does not say how to grant it", got)
	}
	accounts := b.client.Resource(corev1.SchemeGroupVersion.WithResource("serviceaccounts")).Namespace(elsewhere.ns)
	b.merge(accounts, "builder", `{metadata: {annotations: {rhumb.run/blueprints: "`+b.ns+`"}}}`)
	b.owner("deliverables", "app", "True", "Ready")
}

func TestShippedRightsSufficeForDeliverables(t *testing.T) {
	b := newBed(t)
	b.haveApps()
	b.withShippedRights().start(nil)
	b.deploys()
	b.apply(rights + "\n---" + deployRights + "\n---" + delivery + "\n---" + deliverable)
	b.owner("deliverables", "app", "True", "Ready")
}
