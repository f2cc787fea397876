// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"rhumb.run/rhumb/internal/testkit/controlplane"
)

// rights let the account of a bed's owners stamp ConfigMaps.
var rights = granted("builder", `{apiGroups: [""], resources: [configmaps], verbs: [get, list, watch, create, patch, delete]}`)

// granted is a service account, and a role of its own with these rules.
func granted(account string, rules ...string) string {
	return strings.NewReplacer("ACCOUNT", account, "RULES", "- "+strings.Join(rules, "\n- ")).Replace(`
apiVersion: v1
kind: ServiceAccount
metadata: {name: ACCOUNT}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: ACCOUNT}
rules:
RULES
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: ACCOUNT}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: ACCOUNT}
subjects: [{kind: ServiceAccount, name: ACCOUNT, namespace: NS}]`)
}

// chain is two hops: a config whose output is in its data, and what is made of it.
const chain = `
apiVersion: carto.run/v1alpha1
kind: ClusterConfigTemplate
metadata: {name: NS-config}
spec:
  configPath: .data.out
  params: [{name: text, default: hello}]
  template:
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: $(workload.metadata.name)$-config}
    data: {in: $(params.text)$, out: "<$(params.text)$>"}
---
apiVersion: carto.run/v1alpha1
kind: ClusterTemplate
metadata: {name: NS-deploy}
spec:
  template:
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: $(workload.metadata.name)$-deploy}
    data: {config: $(config)$}
---
apiVersion: carto.run/v1alpha1
kind: ClusterSupplyChain
metadata: {name: NS}
spec:
  selector: {bed: NS}
  resources:
  - {name: config, templateRef: {kind: ClusterConfigTemplate, name: NS-config}}
  - {name: deploy, templateRef: {kind: ClusterTemplate, name: NS-deploy}, configs: [{resource: config, name: config}]}`

const app = `
apiVersion: carto.run/v1alpha1
kind: Workload
metadata: {name: app}
spec: {serviceAccountName: builder, params: [{name: text, value: one}]}`

func deployed(text string) map[string]string { return map[string]string{"config": "<" + text + ">"} }

func TestChangesFlowThroughTheChain(t *testing.T) {
	b := newBed(t)
	b.start(nil)
	b.apply(rights + "\n---" + chain + "\n---" + app)
	b.data("app-deploy", deployed("one"))
	b.workload("app", "True", "Ready")

	b.merge(b.carto("workloads"), "app", `{spec: {params: [{name: text, value: two}]}}`)
	b.data("app-deploy", deployed("two"))

	b.merge(b.client.Resource(cartoResource("clustertemplates")), b.ns+"-deploy",
		`{spec: {template: {data: {config: "new $(config)$"}}}}`)
	b.data("app-deploy", map[string]string{"config": "new <two>"})
	b.workload("app", "True", "Ready")
}

func TestMissingTemplateIsReportedAndItsCreationWakes(t *testing.T) {
	b := newBed(t)
	b.start(nil)
	docs := strings.Split(chain, "\n---\n")
	b.apply(rights + "\n---\n" + docs[1] + "\n---\n" + docs[2] + "\n---" + app)
	w := b.workload("app", "False", "TemplatesNotFound")
	if got := readyCondition(w)["message"]; got != "did not find the template of the resource(s) [config]" {
		t.Errorf("message = %q", got)
	}
	b.apply(docs[0])
	b.data("app-deploy", deployed("one"))
	b.workload("app", "True", "Ready")
}

func TestServiceAccountThatComesLater(t *testing.T) {
	b := newBed(t)
	b.start(nil)
	docs := strings.Split(rights, "\n---\n")
	b.apply(docs[1] + "\n---\n" + docs[2] + "\n---" + chain + "\n---" + app)
	w := b.workload("app", "False", "ServiceAccountError")
	if got := readyCondition(w)["message"].(string); !strings.Contains(got, b.ns+"/builder") {
		t.Errorf("the message %q does not name the account", got)
	}
	b.apply(docs[0])
	b.data("app-deploy", deployed("one"))
}

func TestRoleGrantedAfterRefusal(t *testing.T) {
	b := newBed(t)
	b.start(nil)
	docs := strings.Split(rights, "\n---\n")
	b.apply(docs[0] + "\n---" + chain + "\n---" + app)
	w := b.workload("app", "False", "TemplateRejectedByAPIServer")
	message := readyCondition(w)["message"].(string)
	for _, part := range []string{"system:serviceaccount:" + b.ns + ":builder", "configmaps", "patch"} {
		if !strings.Contains(message, part) {
			t.Errorf("the refusal %q does not name %s", message, part)
		}
	}
	before := w.GetResourceVersion()
	// Each refusal makes the next try later; after these it is minutes away, and only the grant itself can wake us.
	for _, text := range []string{"a", "b", "c", "d", "one"} {
		b.merge(b.carto("workloads"), "app", `{spec: {params: [{name: text, value: `+text+`}]}}`)
		b.workload("app", "False", "TemplateRejectedByAPIServer")
	}
	b.apply(docs[1] + "\n---\n" + docs[2])
	b.data("app-deploy", deployed("one"))
	if after := b.workload("app", "True", "Ready"); after.GetResourceVersion() == before {
		t.Error("the status was never written")
	}
}

func TestEditedAndDeletedObjectsAreRestored(t *testing.T) {
	b := newBed(t)
	b.start(nil)
	b.apply(rights + "\n---" + chain + "\n---" + app)
	b.data("app-deploy", deployed("one"))

	b.merge(b.configMaps(), "app-deploy", `{data: {config: edited}}`)
	b.data("app-deploy", deployed("one"))

	b.merge(b.configMaps(), "app-deploy", `{metadata: {labels: {carto.run/resource-name: forged}}}`)
	b.until("the label is back", func() (bool, string) {
		u := b.data("app-deploy", deployed("one"))
		return u.GetLabels()["carto.run/resource-name"] == "deploy", u.GetLabels()["carto.run/resource-name"]
	})

	uid := b.data("app-deploy", deployed("one")).GetUID()
	if err := b.configMaps().Delete(context.Background(), "app-deploy", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	b.until("the object is made anew", func() (bool, string) {
		u := b.data("app-deploy", deployed("one"))
		return u.GetUID() != uid, string(u.GetUID())
	})
}

// A label that is gone hides the object from our watch: it is found again all the same.
func TestObjectWithoutOurLabelIsFoundAgain(t *testing.T) {
	b := newBed(t)
	b.start(nil)
	b.apply(rights + "\n---" + chain + "\n---" + app)
	b.workload("app", "True", "Ready")
	uid := b.data("app-deploy", deployed("one")).GetUID()
	b.merge(b.configMaps(), "app-deploy", `{metadata: {labels: {carto.run/resource-name: null}}}`)
	b.until("the label is back on the same object", func() (bool, string) {
		u := b.data("app-deploy", deployed("one"))
		return u.GetUID() == uid && u.GetLabels()["carto.run/resource-name"] == "deploy", toString(u.GetLabels())
	})
	b.workload("app", "True", "Ready")
}

// An object that was handed to another controller is that one's, labels or not.
func TestObjectHandedToAnotherIsLeftToIt(t *testing.T) {
	b := newBed(t)
	b.start(nil)
	b.apply(rights + "\n---" + chain + "\n---" + app)
	b.workload("app", "True", "Ready")
	b.apply(`{apiVersion: v1, kind: ConfigMap, metadata: {name: theirs}}`)
	owner, err := b.configMaps().Get(context.Background(), "theirs", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	b.merge(b.configMaps(), "app-deploy", `{metadata: {ownerReferences: [{apiVersion: v1, kind: ConfigMap, name: theirs, uid: `+
		string(owner.GetUID())+`, controller: true}]}, data: {config: theirs now}}`)
	b.merge(b.carto("workloads"), "app", `{metadata: {annotations: {look: again}}}`)
	w := b.workload("app", "False", "TemplateRejectedByAPIServer")
	if got := readyCondition(w)["message"].(string); !strings.Contains(got, "belongs to ConfigMap/theirs") {
		t.Errorf("message %q does not name the holder", got)
	}
	b.data("app-deploy", map[string]string{"config": "theirs now"})
}

func TestWhatOthersAddStays(t *testing.T) {
	b := newBed(t)
	var c counter
	b.start(c.wrap)
	b.apply(rights + "\n---" + chain + "\n---" + app)
	b.workload("app", "True", "Ready")
	before := c.writes.Load()
	b.merge(b.configMaps(), "app-deploy", `{metadata: {annotations: {by: hand}}, data: {extra: stays}}`)
	// A change that does need a write shows that the one before was looked at and left alone.
	b.merge(b.configMaps(), "app-config", `{data: {in: edited}}`)
	b.data("app-config", map[string]string{"in": "one", "out": "<one>"})
	u := b.data("app-deploy", map[string]string{"config": "<one>", "extra": "stays"})
	if u.GetAnnotations()["by"] != "hand" {
		t.Error("an annotation that is not ours was removed")
	}
	if n := c.writes.Load() - before; n != 1 {
		t.Errorf("%d writes, want the one that restores app-config", n)
	}
}

func TestForeignObjectIsNeverTakenOver(t *testing.T) {
	cases := map[string]struct {
		why, holder string
		object      func(*bed) string
	}{
		"Controlled": {"an object with another controller is named with it", "ConfigMap/theirs", func(b *bed) string {
			b.apply(`{apiVersion: v1, kind: ConfigMap, metadata: {name: theirs}}`)
			owner, err := b.configMaps().Get(context.Background(), "theirs", metav1.GetOptions{})
			if err != nil {
				b.t.Fatal(err)
			}
			return `{apiVersion: v1, kind: ConfigMap, metadata: {name: app-config, ownerReferences: [` +
				`{apiVersion: v1, kind: ConfigMap, name: theirs, uid: ` + string(owner.GetUID()) + `, controller: true}]}, data: {mine: "yes"}}`
		}},
		"Nobody's": {"an object without controller is not ours either", "nobody", func(*bed) string {
			return `{apiVersion: v1, kind: ConfigMap, metadata: {name: app-config}, data: {mine: "yes"}}`
		}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			b := newBed(t)
			b.start(nil)
			b.apply(rights + "\n---\n" + c.object(b) + "\n---" + chain + "\n---" + app)
			w := b.workload("app", "False", "TemplateRejectedByAPIServer")
			if got := readyCondition(w)["message"].(string); !strings.Contains(got, c.holder) {
				t.Errorf("%s: message %q does not name %s", c.why, got, c.holder)
			}
			b.data("app-config", map[string]string{"mine": "yes"})

			b.merge(b.configMaps(), "app-config", `{metadata: {ownerReferences: null, annotations: {rhumb.run/adopt: "true"}}}`)
			b.merge(b.carto("workloads"), "app", `{metadata: {annotations: {again: please}}}`)
			b.data("app-deploy", deployed("one"))
		})
	}
}

func TestObjectBeforeStaysWhenTheTemplateBreaks(t *testing.T) {
	b := newBed(t)
	b.start(nil)
	b.apply(rights + "\n---" + chain + "\n---" + app)
	b.workload("app", "True", "Ready")
	before := b.data("app-deploy", deployed("one"))
	b.merge(b.client.Resource(cartoResource("clustertemplates")), b.ns+"-deploy",
		`{spec: {template: {data: {config: $(workload.spec.nowhere)$}}}}`)
	w := b.workload("app", "False", "TemplateStampFailure")
	if got := readyCondition(w)["message"].(string); !strings.Contains(got, "path [data.config]") {
		t.Errorf("message %q does not say where", got)
	}
	if after := b.data("app-deploy", deployed("one")); after.GetResourceVersion() != before.GetResourceVersion() {
		t.Error("the object that was stamped before was touched")
	}
	resources, _, _ := unstructured.NestedSlice(w.Object, "status", "resources")
	ref, _, _ := unstructured.NestedString(resources[1].(map[string]any), "stampedRef", "name")
	if ref != "app-deploy" {
		t.Errorf("stampedRef = %q: the status forgot the object", ref)
	}
}

func TestLongNamesAreLabelledShort(t *testing.T) {
	b := newBed(t)
	b.start(nil)
	long := strings.Repeat("long-", 16) + "name" // 84 characters
	b.apply(rights + "\n---" + chain + "\n---" + strings.Replace(app, "name: app}", "name: "+long+"}", 1))
	u := b.data(long+"-deploy", deployed("one"))
	if got := u.GetLabels()["carto.run/workload-name"]; len(got) > 63 || !strings.HasPrefix(got, "long-long-") {
		t.Errorf("label = %q", got)
	}
	b.workload(long, "True", "Ready")
}

func TestOrphansAreDeletedWithTheOwnersRights(t *testing.T) {
	b := newBed(t)
	b.start(nil)
	b.apply(strings.Replace(rights, ", delete]", "]", 1) + "\n---" + chain + "\n---" + app)
	b.data("app-deploy", deployed("one"))
	b.workload("app", "True", "Ready")
	b.merge(b.client.Resource(cartoResource("clustertemplates")), b.ns+"-deploy",
		`{spec: {template: {metadata: {name: $(workload.metadata.name)$-moved}}}}`)
	b.data("app-moved", deployed("one"))
	b.until("the orphan that may not be deleted is on record", func() (bool, string) {
		w := b.workload("app", "True", "Ready")
		orphans, _, _ := unstructured.NestedSlice(w.Object, "status", "orphans")
		return len(orphans) == 1 && orphans[0].(map[string]any)["name"] == "app-deploy", toString(orphans)
	})
	b.data("app-deploy", deployed("one"))

	b.apply(strings.Split(rights, "\n---\n")[1])
	b.gone("app-deploy")
	b.until("nothing is left on record", func() (bool, string) {
		w := b.workload("app", "True", "Ready")
		orphans, found, _ := unstructured.NestedSlice(w.Object, "status", "orphans")
		return !found, toString(orphans)
	})
	b.data("app-moved", deployed("one"))
}

func TestNoChainThenOneThenTwo(t *testing.T) {
	b := newBed(t)
	b.start(nil)
	b.apply(rights + "\n---" + app)
	b.workload("app", "False", "SupplyChainNotFound")
	b.apply(chain)
	b.workload("app", "True", "Ready")
	second := strings.Replace(strings.Split(chain, "\n---\n")[2], "metadata: {name: NS}", "metadata: {name: NS-too}", 1)
	b.apply(second)
	b.workload("app", "False", "MultipleSupplyChainMatches")
	b.data("app-deploy", deployed("one"))
	if err := b.client.Resource(cartoResource("clustersupplychains")).Delete(context.Background(), b.ns+"-too", metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
		t.Fatal(err)
	}
	b.workload("app", "True", "Ready")
}

func TestAccountOfAnotherNamespaceNeedsAGrant(t *testing.T) {
	b := newBed(t)
	b.start(nil)
	elsewhere := bedOn(t, b.config, controlplane.Namespace(t))
	elsewhere.apply(strings.Split(rights, "\n---\n")[0])
	docs := strings.Split(rights, "\n---\n")
	binding := strings.Replace(docs[2], "namespace: NS", "namespace: "+elsewhere.ns, 1)
	named := strings.Replace(chain, "  selector: {bed: NS}", "  selector: {bed: NS}\n  serviceAccountRef: {name: builder, namespace: "+elsewhere.ns+"}", 1)
	b.apply(docs[1] + "\n---\n" + binding + "\n---" + named + "\n---" + strings.Replace(app, "serviceAccountName: builder, ", "", 1))
	w := b.workload("app", "False", "ServiceAccountError")
	if got := readyCondition(w)["message"].(string); !strings.Contains(got, "rhumb.run/blueprints="+b.ns) {
		t.Errorf("message %q does not say how to grant it", got)
	}
	accounts := b.client.Resource(corev1.SchemeGroupVersion.WithResource("serviceaccounts")).Namespace(elsewhere.ns)
	b.merge(accounts, "builder", `{metadata: {annotations: {rhumb.run/blueprints: "other, `+b.ns+`"}}}`)
	b.data("app-deploy", deployed("one"))
}

// A chain that was edited is followed only when it was found to be whole: until
// then nothing is stamped, and above all nothing is deleted.
func TestBrokenEditOfAChainDeletesNothing(t *testing.T) {
	b := newBed(t)
	b.start(nil)
	b.apply(rights + "\n---" + chain + "\n---" + app)
	b.workload("app", "True", "Ready")
	uid := b.data("app-deploy", deployed("one")).GetUID()
	for _, generation := range []string{"a", "b", "c"} {
		b.merge(b.client.Resource(cartoResource("clustersupplychains")), b.ns,
			`{spec: {resources: [{name: renamed-`+generation+`, templateRef: {kind: ClusterConfigTemplate, name: `+b.ns+`-nowhere}}]}}`)
		b.workload("app", "False", "TemplatesNotFound")
		b.merge(b.client.Resource(cartoResource("clustersupplychains")), b.ns, `{spec: {resources: [
			{name: config, templateRef: {kind: ClusterConfigTemplate, name: `+b.ns+`-config}},
			{name: deploy, templateRef: {kind: ClusterTemplate, name: `+b.ns+`-deploy}, configs: [{resource: config, name: config}]}]}}`)
		b.workload("app", "True", "Ready")
	}
	if got := b.data("app-deploy", deployed("one")).GetUID(); got != uid {
		t.Error("the object was deleted and made anew")
	}
}
