// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"sigs.k8s.io/yaml"
)

// stampsOne is a chain of one template that becomes TEXT.
const stampsOne = `
apiVersion: carto.run/v1alpha1
kind: ClusterTemplate
metadata: {name: NS-one}
spec:
  template: TEXT
---
apiVersion: carto.run/v1alpha1
kind: ClusterSupplyChain
metadata: {name: NS}
spec:
  selector: {bed: NS}
  resources:
  - {name: one, templateRef: {kind: ClusterTemplate, name: NS-one}}`

func stamps(text string) string { return strings.Replace(stampsOne, "TEXT", text, 1) }

// allowed lets the account of a bed's owners stamp more than ConfigMaps.
func allowed(groups, resources string) string {
	return strings.Replace(rights, `{apiGroups: [""], resources: [configmaps]`, `{apiGroups: [`+groups+`], resources: [`+resources+`]`, 1)
}

// cause waits until a Workload tells a cause like this one.
func (b *bed) cause(name, like string) string {
	b.t.Helper()
	return b.causeOf("workloads", name, like)
}

// causeOf waits for the cause of any owner.
func (b *bed) causeOf(resource, name, like string) string {
	b.t.Helper()
	want, got := regexp.MustCompile(strings.ReplaceAll(like, "NS", b.ns)), ""
	b.until(fmt.Sprintf("%s/%s has a cause like %s", resource, name, want), func() (bool, string) {
		w, err := b.carto(resource).Get(context.Background(), name, metav1.GetOptions{})
		if err != nil {
			return false, err.Error()
		}
		got, _, _ = unstructured.NestedString(w.Object, "status", "cause")
		return want.MatchString(got), fmt.Sprint(got, " ", readyCondition(w))
	})
	return got
}

// What the API server refuses is explained with no read at all.
func TestCauseOfWhatTheServerRefuses(t *testing.T) {
	cases := map[string]struct{ why, rights, chain, extra, want string }{
		"Forbidden": {
			"the verb, the resource and the account, and a command that grants them", rights,
			stamps(`{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: web, image: web}]}}}}`), "",
			`^Deployment web: service account NS/builder may not patch deployments.apps in namespace NS; grant it with kubectl create -n NS role builder-deployments.apps --verb=get,create,patch,delete --resource=deployments.apps && kubectl create -n NS rolebinding builder-deployments.apps --role=builder-deployments.apps --serviceaccount=NS:builder$`,
		},
		"Escalation": {
			"an account cannot give what it does not have", allowed(`rbac.authorization.k8s.io`, `roles`),
			stamps(`{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: more}, rules: [{apiGroups: [""], resources: [pods], verbs: [list]}]}`), "",
			`^Role more: service account NS/builder may not grant rights that it does not have: .*"pods".*; give the account`,
		},
		"Quota": {
			"which quota, and what is asked and used", rights,
			stamps(`{apiVersion: v1, kind: ConfigMap, metadata: {name: one}}`),
			`
apiVersion: v1
kind: ResourceQuota
metadata: {name: small}
spec: {hard: {count/configmaps: "0"}}`,
			`^ConfigMap one: it does not fit into ResourceQuota small: it asks for count/configmaps=1, count/configmaps=\d is used of count/configmaps=0; ask for less, free some, or raise the quota in namespace NS$`,
		},
		"LimitRange": {
			"the range and what broke it", allowed(`""`, `pods`),
			stamps(`{apiVersion: v1, kind: Pod, metadata: {name: big}, spec: {containers: [{name: c, image: i, resources: {limits: {cpu: 2}}}]}}`),
			`
apiVersion: v1
kind: LimitRange
metadata: {name: limits}
spec: {limits: [{type: Container, max: {cpu: 1}}]}`,
			`^Pod big: a LimitRange in namespace NS refuses it: maximum cpu usage per Container is 1, but limit is 2; change the resources in ClusterTemplate NS-one, or the LimitRange$`,
		},
		"MissingKind": {
			"who would bring the kind", rights,
			stamps(`{apiVersion: kpack.io/v1alpha2, kind: Image, metadata: {name: web}, spec: {}}`), "",
			`^Image web: this cluster has no kind Image of kpack.io/v1alpha2; install kpack, or correct apiVersion and kind in ClusterTemplate NS-one$`,
		},
		"Occupied": {
			"who holds the name, and how to get it", rights,
			stamps(`{apiVersion: v1, kind: ConfigMap, metadata: {name: taken}}`),
			`
apiVersion: v1
kind: ConfigMap
metadata: {name: taken}`,
			`^ConfigMap taken exists already and belongs to nobody \(it was written by user\); rename it in ClusterTemplate NS-one, delete the other, or hand it over by the annotation rhumb.run/adopt=true$`,
		},
		"NoSuchField": {
			"the field, and where it stands", allowed(`apps`, `deployments`),
			stamps(`{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {replicaCount: 1}}`), "",
			`^Deployment web: its kind has no field \.spec\.replicaCount; correct it in ClusterTemplate NS-one$`,
		},
		"Invalid": {
			"what is wrong with it", allowed(`apps`, `deployments`),
			stamps(`{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {}}}}`), "",
			`^Deployment web: the API server finds it invalid: spec\.template\.spec\.containers: Required value; correct it in ClusterTemplate NS-one$`,
		},
		"PodSecurity": {
			"what the namespace demands of pods", allowed(`""`, `pods`),
			stamps(`{apiVersion: v1, kind: Pod, metadata: {name: rich}, spec: {containers: [{name: c, image: i, securityContext: {privileged: true}}]}}`), "enforce: baseline",
			`^Pod rich: its pods violate the namespace's PodSecurity "baseline:latest": privileged \(container "c" must not set securityContext.privileged=true\); set the securityContext in ClusterTemplate NS-one`,
		},
		"Template": {
			"the path that was not there", rights,
			stamps(`{apiVersion: v1, kind: ConfigMap, metadata: {name: one}, data: {url: $(workload.spec.source.git.url)$}}`), "",
			`^ClusterTemplate NS-one cannot be filled in for Workload app: failed to interpolate template at path \[data\.url\].*workload\.spec\.source\.git\.url; correct the template, or the workload that it reads$`,
		},
		"TemplateVanished": {
			"the chain says which, and what to do", rights,
			strings.Split(stampsOne, "\n---\n")[1], "",
			`^ClusterSupplyChain NS names a template that does not exist: did not find the template of the resource\(s\) \[one\]; create the template, or correct templateRef$`,
		},
		"AccountMissing": {
			"in whose name, and the command that makes it", "",
			stamps(`{apiVersion: v1, kind: ConfigMap, metadata: {name: one}}`), "",
			`^ServiceAccount NS/builder, in whose name Workload app is to be stamped, does not exist; create it with kubectl create serviceaccount builder -n NS, or name another in spec.serviceAccountName$`,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			b := newBed(t)
			b.start(nil)
			switch {
			case strings.HasPrefix(c.extra, "enforce: "):
				b.merge(b.client.Resource(schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}), b.ns,
					`{metadata: {labels: {pod-security.kubernetes.io/enforce: `+strings.TrimPrefix(c.extra, "enforce: ")+`}}}`)
			case c.extra != "":
				b.apply(c.extra)
			}
			if c.rights != "" {
				b.apply(c.rights)
			}
			b.apply(c.chain + "\n---" + app)
			got := b.cause("app", c.want)
			if len(got) > 500 {
				t.Errorf("%s: %d bytes", c.why, len(got))
			}
		})
	}
}

// A policy says no: its name and its words are told.
func TestCauseOfAnAdmissionPolicy(t *testing.T) {
	b := newBed(t)
	b.start(nil)
	b.asIs(strings.ReplaceAll(`
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: NS-tidy}
spec:
  failurePolicy: Fail
  matchConstraints:
    namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: NS}}
    resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [configmaps]}]
  validations: [{expression: "has(object.metadata.labels) && has(object.metadata.labels.team)", message: "every object needs a team label"}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: NS-tidy}
spec: {policyName: NS-tidy, validationActions: [Deny]}`, "NS", b.ns))
	t.Cleanup(func() {
		for _, r := range []string{"validatingadmissionpolicies", "validatingadmissionpolicybindings"} {
			_ = b.client.Resource(schema.GroupVersionResource{Group: "admissionregistration.k8s.io", Version: "v1", Resource: r}).
				Delete(context.Background(), b.ns+"-tidy", metav1.DeleteOptions{})
		}
	})
	b.until("the policy is in force", func() (bool, string) {
		_, err := b.configMaps().Create(context.Background(), &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"generateName": "probe-", "namespace": b.ns},
		}}, metav1.CreateOptions{})
		return err != nil && strings.Contains(err.Error(), "team label"), fmt.Sprint(err)
	})
	b.apply(rights + "\n---" + stamps(`{apiVersion: v1, kind: ConfigMap, metadata: {name: one}}`) + "\n---" + app)
	b.cause("app", `^ConfigMap one: admission policy NS-tidy \(binding NS-tidy\) denied it: every object needs a team label; change ClusterTemplate NS-one so that it complies, or ask whoever owns the policy$`)

	b.merge(b.client.Resource(cartoResource("clustertemplates")), b.ns+"-one", `{spec: {template: {metadata: {labels: {team: a}}}}}`)
	b.workload("app", "True", "Ready")
	b.cause("app", `^$`)
}

// web is a Deployment of one pod.
const web = `{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {progressDeadlineSeconds: 600, selector: {matchLabels: {a: web}}, template: {metadata: {labels: {a: web}}, spec: {containers: [{name: web, image: "registry.example.com/shop:1"}]}}}}`

// pod waits for the pod that the cluster's controllers made of the Deployment.
func (b *bed) pod() *unstructured.Unstructured {
	b.t.Helper()
	var got *unstructured.Unstructured
	b.until("the Deployment has a pod", func() (bool, string) {
		list, err := b.pods().List(context.Background(), metav1.ListOptions{LabelSelector: "a=web"})
		if err != nil || len(list.Items) == 0 {
			return false, fmt.Sprint(err)
		}
		got = &list.Items[0]
		return true, ""
	})
	return got
}

func (b *bed) pods() dynamic.ResourceInterface {
	return b.client.Resource(schema.GroupVersionResource{Version: "v1", Resource: "pods"}).Namespace(b.ns)
}

// kubelet writes a pod's status as a kubelet would: the bed has no node.
func (b *bed) kubelet(pod *unstructured.Unstructured, status string) {
	b.t.Helper()
	raw, err := yaml.YAMLToJSON([]byte("status: " + status))
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := b.pods().Patch(context.Background(), pod.GetName(), types.MergePatchType, raw, metav1.PatchOptions{}, "status"); err != nil {
		b.t.Fatalf("writing the pod's status: %v", err)
	}
}

func (b *bed) warn(about *unstructured.Unstructured, reason, message string) {
	b.t.Helper()
	e := map[string]any{
		"apiVersion": "v1", "kind": "Event", "metadata": map[string]any{"generateName": "e-", "namespace": b.ns},
		"involvedObject": map[string]any{"apiVersion": about.GetAPIVersion(), "kind": about.GetKind(), "namespace": b.ns, "name": about.GetName(), "uid": string(about.GetUID())},
		"type":           "Warning", "reason": reason, "message": message, "lastTimestamp": "2026-01-01T00:00:00Z",
	}
	events := b.client.Resource(schema.GroupVersionResource{Version: "v1", Resource: "events"}).Namespace(b.ns)
	if _, err := events.Create(context.Background(), &unstructured.Unstructured{Object: e}, metav1.CreateOptions{}); err != nil {
		b.t.Fatal(err)
	}
}

const kubeletWaits = `{phase: Pending, containerStatuses: [{name: web, image: i, imageID: "", ready: false, restartCount: 0, state: {waiting: {reason: REASON, message: 'MESSAGE'}}}]}`

// What a Deployment's pods meet is found with the rights that an installation
// has, though no template has a health rule and the Workload itself is ready.
func TestCauseBelowADeployment(t *testing.T) {
	b := newBed(t)
	b.withShippedRights().start(nil)
	b.apply(allowed(`apps`, `deployments`) + "\n---" + stamps(web) + "\n---" + app)
	pod := b.pod()
	for _, c := range []struct{ why, reason, message, event, want string }{
		{
			"image pull", "ErrImagePull", `failed to pull and unpack image "registry.example.com/shop:1": failed to resolve reference "registry.example.com/shop:1": registry.example.com/shop:1: not found`, "",
			`^Deployment web: container "web" cannot pull image "registry.example.com/shop:1": registry.example.com/shop:1: not found; correct the name`,
		},
		{
			"missing Secret", "CreateContainerConfigError", `secret "db" not found`, "",
			`^Deployment web: container "web" cannot start: Secret db does not exist in namespace NS; create it, or correct the name in the pod template$`,
		},
		{
			"missing volume", "ContainerCreating", "", `MountVolume.SetUp failed for volume "tls" : secret "web-tls" not found`,
			`^Deployment web: Secret web-tls does not exist in namespace NS; create it, or correct the name in Deployment web$`,
		},
	} {
		b.kubelet(pod, strings.NewReplacer("REASON", c.reason, "MESSAGE", c.message).Replace(kubeletWaits))
		if c.event != "" {
			b.warn(pod, "FailedMount", c.event)
		}
		b.cause("app", c.want)
	}
	b.kubelet(pod, `{phase: Running, containerStatuses: [{name: web, image: i, imageID: "", ready: false, restartCount: 2, state: {waiting: {reason: CrashLoopBackOff, message: 'back-off 20s restarting failed container=web'}}, lastState: {terminated: {exitCode: 3, reason: Error}}}]}`)
	b.cause("app", `^Deployment web: container "web" crashes again and again, with exit code 3; read more with kubectl -n NS logs deployment/web -c web --previous$`)
	b.kubelet(pod, `{phase: Pending, containerStatuses: null, conditions: [{type: PodScheduled, status: "False", reason: Unschedulable, message: '0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.'}]}`)
	b.cause("app", `^Deployment web: no node takes its pod: 1 Insufficient cpu.; lower its resource requests, or add nodes$`)
	b.workload("app", "True", "Ready")

	b.kubelet(pod, `{phase: Running, conditions: [{type: Ready, status: "True", lastTransitionTime: "2026-01-01T00:00:00Z"}, {type: ContainersReady, status: "True", lastTransitionTime: "2026-01-01T00:00:00Z"}, {type: PodScheduled, status: "True"}], containerStatuses: [{name: web, image: i, imageID: "", ready: true, restartCount: 0, state: {running: {}}}]}`)
	b.cause("app", `^$`)
}

// The cluster's own controllers say why there is no pod at all.
func TestCauseOfPodsThatCannotBeMade(t *testing.T) {
	for name, c := range map[string]struct{ why, spec, extra, want string }{
		"Quota": {"a quota for pods", "", `
apiVersion: v1
kind: ResourceQuota
metadata: {name: few}
spec: {hard: {pods: "0"}}`, `^Deployment web: it does not fit into ResourceQuota few: it asks for pods=1, pods=0 is used of pods=0; ask for less, free some, or raise the quota in namespace NS$`},
		"Account": {
			"an account that nobody made", "serviceAccountName: runner, ", "",
			`^Deployment web: ServiceAccount runner does not exist in namespace NS; create it with kubectl create serviceaccount runner -n NS, or name another in Deployment web$`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBed(t)
			b.start(nil)
			if c.extra != "" {
				b.apply(c.extra)
			}
			b.apply(allowed(`apps`, `deployments`) + "\n---" + stamps(strings.Replace(web, "spec: {containers", "spec: {"+c.spec+"containers", 1)) + "\n---" + app)
			b.cause("app", c.want)
		})
	}
}

// Owners that are well are never looked at: a look is only taken below what
// fails, and asks about that alone.
func TestNoLookAtWhatIsWell(t *testing.T) {
	b := newBed(t)
	looks := &looks{}
	b.start(looks.wrap)
	b.apply(allowed(`"", apps`, `configmaps, deployments`) + "\n---" + chain + "\n---" + app)
	b.workload("app", "True", "Ready")
	b.apply(strings.ReplaceAll(stamps(web), "name: NS", "name: NS-web") + "\n---" + strings.Replace(app, "name: app", "name: ill", 1))
	b.merge(b.client.Resource(cartoResource("clustersupplychains")), b.ns+"-web", `{spec: {selectorMatchFields: [{key: metadata.name, operator: In, values: [ill]}]}}`)
	b.kubelet(b.pod(), strings.NewReplacer("REASON", "CreateContainerConfigError", "MESSAGE", `secret "db" not found`).Replace(kubeletWaits))
	b.cause("ill", `^Deployment web: container "web" cannot start: Secret db does not exist`)
	b.cause("app", `^$`)
	for _, path := range looks.paths() {
		if !strings.Contains(path, "/replicasets") && !strings.Contains(path, "/pods") && !strings.Contains(path, "/events") {
			t.Errorf("asked for %s", path)
		}
	}
	// Replica sets, pods and events of one pod: three reads a look.
	if n := len(looks.paths()); n == 0 || n > 12 {
		t.Errorf("%d reads: %v", n, looks.paths())
	}
}

// looks are the reads in the bed's namespaces, none of which is made but by looks.
type looks struct {
	mu  sync.Mutex
	all []string
}

func (l *looks) wrap(next http.RoundTripper) http.RoundTripper {
	return tripper(func(r *http.Request) (*http.Response, error) {
		if r.Method == http.MethodGet && r.URL.Query().Get("watch") == "" && strings.Contains(r.URL.Path, "/namespaces/") && !strings.Contains(r.URL.Path, "carto.run") {
			l.mu.Lock()
			l.all = append(l.all, r.URL.Path)
			l.mu.Unlock()
		}
		return next.RoundTrip(r)
	})
}

func (l *looks) paths() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.all)
}
