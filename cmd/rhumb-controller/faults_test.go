// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"
	ctrlmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"

	"rhumb.run/rhumb/internal/testkit/controlplane"
)

func toString(v any) string { return fmt.Sprint(v) }

// killer lets so many writes through and then behaves as a dead process does:
// nothing leaves it any more. With answered false the last write reaches the
// server but its answer is lost.
type killer struct {
	left     atomic.Int64
	answered bool
	dead     chan struct{}
	died     atomic.Bool
}

func newKiller(after int, answered bool) *killer {
	k := &killer{answered: answered, dead: make(chan struct{})}
	k.left.Store(int64(after))
	return k
}

var errDead = errors.New("the process is dead")

func (k *killer) wrap(next http.RoundTripper) http.RoundTripper {
	return tripper(func(r *http.Request) (*http.Response, error) {
		if k.died.Load() {
			return nil, errDead
		}
		if r.Method == http.MethodGet || strings.Contains(r.URL.Path, "/events") {
			return next.RoundTrip(r)
		}
		left := k.left.Add(-1)
		if left > 0 || left == 0 && k.answered {
			return next.RoundTrip(r)
		}
		if left == 0 {
			if answer, err := next.RoundTrip(r); err == nil {
				_ = answer.Body.Close()
			}
		}
		if k.died.CompareAndSwap(false, true) {
			close(k.dead)
		}
		return nil, errDead
	})
}

// TestKilledBetweenAnyTwoWrites kills the controller after each of its writes
// in turn, before and after the answer came, and starts it again: the end is
// always that of a life without death.
func TestKilledBetweenAnyTwoWrites(t *testing.T) {
	for _, w := range []way{
		{resource: "workloads", docs: rights + "\n---" + chain + "\n---" + app},
		{resource: "deliverables", docs: rights + "\n---" + deployRights + "\n---" + delivery + "\n---" + deliverable, beside: (*bed).deploys},
	} {
		t.Run(w.resource, func(t *testing.T) {
			want := life(t, w, nil)
			for _, answered := range []bool{true, false} {
				for k := 1; ; k++ {
					killer := newKiller(k, answered)
					got := life(t, w, killer)
					if diff := cmp.Diff(want, got); diff != "" {
						t.Errorf("killed at write %d (answered %v):\n%s", k, answered, diff)
					}
					if !killer.died.Load() {
						break // it made fewer writes than that: all were tried
					}
				}
			}
		})
	}
}

// way is how an owner called app comes to an object called app-deploy, made by the template NS-deploy.
type way struct {
	resource, docs string
	// beside is who does the work that stamped objects ask for, if anybody does.
	beside func(*bed)
}

// life runs an owner through a first deployment and a change of its last
// template's object name, with a death on the way if there is a killer.
func life(t *testing.T, w way, k *killer) map[string]any {
	t.Helper()
	b := newBed(t)
	b.haveApps()
	if w.beside != nil {
		w.beside(b)
	}
	if k != nil {
		stop := b.start(k.wrap)
		go func() { <-k.dead; stop(); b.start(nil) }()
	} else {
		b.start(nil)
	}
	b.apply(w.docs)
	b.data("app-deploy", deployed("one"))
	b.owner(w.resource, "app", "True", "Ready")
	b.merge(b.client.Resource(cartoResource("clustertemplates")), b.ns+"-deploy",
		`{spec: {template: {metadata: {name: $(workload.metadata.name)$-moved}}}}`)
	b.data("app-moved", deployed("one"))
	b.gone("app-deploy")
	var end *unstructured.Unstructured
	b.until("the status names the new object alone", func() (bool, string) {
		end = b.owner(w.resource, "app", "True", "Ready")
		text := toString(end.Object["status"])
		return strings.Contains(text, "app-moved") && !strings.Contains(text, "app-deploy"), text
	})
	return map[string]any{"status": timeless(b.ns, end.Object["status"]), "objects": b.objects()}
}

// objects are the stamped objects with what matters of them.
func (b *bed) objects() map[string]any {
	b.t.Helper()
	out := map[string]any{}
	for _, r := range []dynamic.ResourceInterface{b.configMaps(), b.apps()} {
		list, err := r.List(context.Background(), metav1.ListOptions{LabelSelector: "carto.run/resource-name"})
		if err != nil {
			b.t.Fatal(err)
		}
		for _, u := range list.Items {
			out[u.GetKind()+"/"+u.GetName()] = map[string]any{
				"data": u.Object["data"], "spec": u.Object["spec"], "generation": u.GetGeneration(),
				"owners": len(u.GetOwnerReferences()), "labels": timeless(b.ns, labelsOf(&u)),
			}
		}
	}
	return out
}

func labelsOf(u *unstructured.Unstructured) map[string]any {
	out := map[string]any{}
	for k, v := range u.GetLabels() {
		out[k] = v
	}
	return out
}

// timeless drops what differs between two lives: times, identities, namespace.
func timeless(ns string, v any) any {
	switch x := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for key, value := range x {
			switch key {
			case "lastTransitionTime", "templateUID", "appliedDigest", "inputsDigest", "templateGeneration":
			default:
				out[key] = timeless(ns, value)
			}
		}
		return out
	case []any:
		out := []any{}
		for _, e := range x {
			out = append(out, timeless(ns, e))
		}
		return out
	case string:
		return strings.ReplaceAll(x, ns, "NS")
	}
	return v
}

// TestRestartAtRestWritesNothing starts a second controller over what a first
// one has brought to rest.
func TestRestartAtRestWritesNothing(t *testing.T) {
	b := newBed(t)
	stop := b.start(nil)
	// The quantities that the API server rewrites must not set it off.
	b.apply(rights + "\n---" + chain + "\n---" + app + "\n---\n" + deploymentChain)
	b.workload("app", "True", "Ready")
	b.workload("server", "True", "Ready")
	stop()

	var c counter
	seen := reconciles(t)
	b.start(c.wrap)
	b.until("both workloads were looked at again", func() (bool, string) {
		n := reconciles(t) - seen
		return n >= 2, fmt.Sprint(n)
	})
	// Something that does need a write goes last through the same queue.
	b.merge(b.configMaps(), "app-config", `{data: {in: edited}}`)
	b.data("app-config", map[string]string{"in": "one", "out": "<one>"})
	if n := c.writes.Load(); n != 1 {
		t.Errorf("%d writes after a restart at rest, want only the one that restores app-config", n)
	}
}

const deploymentChain = `
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: server}
rules: [{apiGroups: [apps], resources: [deployments], verbs: ['*']}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: server}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: server}
subjects: [{kind: ServiceAccount, name: builder, namespace: NS}]
---
apiVersion: carto.run/v1alpha1
kind: ClusterTemplate
metadata: {name: NS-server}
spec:
  template:
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: $(workload.metadata.name)$}
    spec:
      replicas: 1
      selector: {matchLabels: {app: x}}
      template:
        metadata: {labels: {app: x}}
        spec:
          containers:
          - {name: app, image: none, resources: {limits: {cpu: 1000m, memory: 1024Mi}}, ports: [{containerPort: 8080}], env: [{name: EMPTY, value: ""}]}
---
apiVersion: carto.run/v1alpha1
kind: ClusterSupplyChain
metadata: {name: NS-server}
spec:
  selector: {bed: NS, kind: server}
  resources: [{name: server, templateRef: {kind: ClusterTemplate, name: NS-server}}]
---
apiVersion: carto.run/v1alpha1
kind: Workload
metadata: {name: server, labels: {kind: server}}
spec: {serviceAccountName: builder}`

// reconciles is how often the workload controllers of this process have acted.
func reconciles(t *testing.T) int {
	t.Helper()
	families, err := ctrlmetrics.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	total := 0.0
	for _, f := range families {
		if f.GetName() != "controller_runtime_reconcile_total" {
			continue
		}
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if l.GetName() == "controller" && slices.Contains([]string{"workload", "runnable"}, l.GetValue()) {
					total += m.GetCounter().GetValue()
				}
			}
		}
	}
	return int(total)
}

// TestAPIServerGone takes the API server away while there is work to do.
func TestAPIServerGone(t *testing.T) {
	plane := controlplane.New(t)
	b := bedOn(t, plane.Config(), plane.Namespace(t))
	var c counter
	b.start(c.wrap)
	b.apply(rights + "\n---" + chain + "\n---" + app)
	b.data("app-deploy", deployed("one"))
	b.workload("app", "True", "Ready")

	plane.Stop(t)
	plane.Start(t)
	b.merge(b.carto("workloads"), "app", `{spec: {params: [{name: text, value: two}]}}`)
	b.data("app-deploy", deployed("two"))
	b.workload("app", "True", "Ready")
}
