// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Three faults bring to light most of what is wrong with controllers: death
// between two writes, memory that is older than one's own writes, and events that
// never came (Sieve, OSDI '22). Here each meets a Workload whose chain has every
// lifecycle and a Runnable, and a Deliverable. The end is always that of a life
// without faults, and no content is ever run twice.

const everyLifecycle = `
apiVersion: carto.run/v1alpha1
kind: ClusterConfigTemplate
metadata: {name: NS-note}
spec:
  lifecycle: immutable
  configPath: .data.text
  template: {apiVersion: v1, kind: ConfigMap, metadata: {generateName: $(workload.metadata.name)$-note-}, data: {text: $(params.text)$}}
---
apiVersion: carto.run/v1alpha1
kind: ClusterConfigTemplate
metadata: {name: NS-trial}
spec:
  lifecycle: tekton
  configPath: .status.said
  template: {apiVersion: runs.rhumb.test/v1, kind: Trial, metadata: {generateName: $(workload.metadata.name)$-trial-}, spec: {text: "trial $(config)$"}}
---
apiVersion: carto.run/v1alpha1
kind: ClusterRunTemplate
metadata: {name: NS-try}
spec:
  outputs: {said: .status.said}
  template: {apiVersion: runs.rhumb.test/v1, kind: Trial, metadata: {generateName: $(runnable.metadata.name)$-}, spec: {text: "run $(runnable.spec.inputs.text)$"}}
---
apiVersion: carto.run/v1alpha1
kind: ClusterConfigTemplate
metadata: {name: NS-run}
spec:
  configPath: .status.outputs.said
  template:
    apiVersion: carto.run/v1alpha1
    kind: Runnable
    metadata: {name: $(workload.metadata.name)$-run}
    spec: {serviceAccountName: builder, runTemplateRef: {name: NS-try}, inputs: {text: $(config)$}}
---
apiVersion: carto.run/v1alpha1
kind: ClusterTemplate
metadata: {name: NS-last}
spec: {template: {apiVersion: v1, kind: ConfigMap, metadata: {name: $(workload.metadata.name)$-last}, data: {config: $(config)$}}}
---
apiVersion: carto.run/v1alpha1
kind: ClusterSupplyChain
metadata: {name: NS}
spec:
  selector: {bed: NS}
  resources:
  - {name: note, templateRef: {kind: ClusterConfigTemplate, name: NS-note}}
  - {name: trial, templateRef: {kind: ClusterConfigTemplate, name: NS-trial}, configs: [{resource: note, name: config}]}
  - {name: run, templateRef: {kind: ClusterConfigTemplate, name: NS-run}, configs: [{resource: trial, name: config}]}
  - {name: last, templateRef: {kind: ClusterTemplate, name: NS-last}, configs: [{resource: run, name: config}]}
---
apiVersion: carto.run/v1alpha1
kind: ClusterSourceTemplate
metadata: {name: NS-source}
spec:
  urlPath: .data.url
  revisionPath: .data.revision
  template: {apiVersion: v1, kind: ConfigMap, metadata: {name: $(deliverable.metadata.name)$-source}, data: {url: "http://source", revision: $(params.text)$}}
---
apiVersion: carto.run/v1alpha1
kind: ClusterRunTemplate
metadata: {name: NS-ship}
spec:
  outputs: {said: .status.said}
  template: {apiVersion: runs.rhumb.test/v1, kind: Trial, metadata: {generateName: $(runnable.metadata.name)$-}, spec: {text: $(runnable.spec.inputs.text)$}}
---
apiVersion: carto.run/v1alpha1
kind: ClusterDeploymentTemplate
metadata: {name: NS-deploy}
spec:
  observedMatches: [{input: spec.inputs.text, output: status.outputs.said}]
  template:
    apiVersion: carto.run/v1alpha1
    kind: Runnable
    metadata: {name: $(deliverable.metadata.name)$-deploy}
    spec: {serviceAccountName: builder, runTemplateRef: {name: NS-ship}, inputs: {text: "deploy $(deployment.revision)$"}}
---
apiVersion: carto.run/v1alpha1
kind: ClusterTemplate
metadata: {name: NS-delivered}
spec: {template: {apiVersion: v1, kind: ConfigMap, metadata: {name: $(deliverable.metadata.name)$-delivered}, data: {config: $(source.revision)$}}}
---
apiVersion: carto.run/v1alpha1
kind: ClusterDelivery
metadata: {name: NS}
spec:
  selector: {bed: NS}
  resources:
  - {name: source, templateRef: {kind: ClusterSourceTemplate, name: NS-source}}
  - {name: deploy, templateRef: {kind: ClusterDeploymentTemplate, name: NS-deploy}, deployment: {resource: source}}
  - {name: delivered, templateRef: {kind: ClusterTemplate, name: NS-delivered}, sources: [{resource: deploy, name: source}]}`

var everyRight = granted("builder",
	`{apiGroups: [""], resources: [configmaps], verbs: [get, create, patch, delete]}`,
	`{apiGroups: [carto.run], resources: [runnables], verbs: [get, create, patch, delete]}`,
	`{apiGroups: [runs.rhumb.test], resources: [trials], verbs: [get, create, delete]}`)

// trying is whoever acts for trials, until the test ends: each succeeds and says its own text.
func (b *bed) trying() {
	b.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	watch, err := b.trials().Watch(ctx, metav1.ListOptions{})
	if err != nil {
		b.t.Fatal(err)
	}
	done := make(chan struct{})
	b.t.Cleanup(func() { stop(); watch.Stop(); <-done })
	go func() {
		defer close(done)
		for event := range watch.ResultChan() {
			u, ok := event.Object.(*unstructured.Unstructured)
			if !ok || event.Type == "DELETED" || u.Object["status"] != nil {
				continue
			}
			text, _, _ := unstructured.NestedString(u.Object, "spec", "text")
			u.Object["status"] = map[string]any{"said": text, "conditions": []any{map[string]any{
				"type": "Succeeded", "status": "True", "reason": "Tried", "message": "", "lastTransitionTime": "2024-01-01T00:00:00Z",
			}}}
			_, _ = b.trials().UpdateStatus(ctx, u, metav1.UpdateOptions{FieldManager: "somebody"})
		}
	}()
}

// newWhole is a bed with everything in it and nobody to act for it.
func newWhole(t *testing.T) *bed {
	b := newBed(t)
	b.haveTrials()
	b.trying()
	b.apply(everyRight + "\n---" + everyLifecycle + "\n---" + app + "\n---" + deliverable)
	return b
}

// want changes what both owners want.
func (b *bed) want(text string) {
	b.t.Helper()
	for _, r := range []string{"workloads", "deliverables"} {
		b.merge(b.carto(r), "app", fmt.Sprintf(`{spec: {params: [{name: text, value: %s}]}}`, text))
	}
}

// rests waits until both paths have come to their end with a text, and fails if
// anything was run twice or left behind.
func (b *bed) rests(text string, ran ...string) {
	b.t.Helper()
	b.data("app-last", map[string]string{"config": "run trial " + text})
	b.data("app-delivered", map[string]string{"config": text})
	b.owner("workloads", "app", "True", "Ready")
	b.owner("deliverables", "app", "True", "Ready")
	var want []string
	for _, text := range ran {
		want = append(want, "trial "+text, "run trial "+text, "deploy "+text)
	}
	slices.Sort(want)
	var got []string
	list, err := b.trials().List(context.Background(), metav1.ListOptions{})
	if err != nil {
		b.t.Fatal(err)
	}
	for _, u := range list.Items {
		text, _, _ := unstructured.NestedString(u.Object, "spec", "text")
		got = append(got, text)
	}
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		b.t.Errorf("trials (-want +got):\n%s", diff)
	}
	notes, err := b.configMaps().List(context.Background(), metav1.ListOptions{LabelSelector: "carto.run/resource-name=note"})
	if err != nil {
		b.t.Fatal(err)
	}
	if len(notes.Items) != len(ran) {
		b.t.Errorf("%d notes, want one for each text: %d", len(notes.Items), len(ran))
	}
}

func TestEveryLifecycleKilledAfterEachWrite(t *testing.T) {
	var c counter
	b := newWhole(t)
	stop := b.start(c.wrap)
	b.rests("one", "one")
	stop()
	writes := int(c.writes.Load())
	for k := 1; k <= writes+1; k++ {
		t.Run(fmt.Sprintf("Write%d", k), func(t *testing.T) {
			t.Parallel()
			killer := newKiller(k, k%2 == 0)
			b := newWhole(t)
			stop := b.start(killer.wrap)
			ended := make(chan struct{})
			t.Cleanup(func() { close(ended) })
			go func() {
				select {
				case <-killer.dead:
					stop()
					b.start(nil)
				case <-ended:
				}
			}()
			b.rests("one", "one")
		})
	}
}

// TestEventsThatNeverCame changes the world while nobody looks: what matters is
// what there is, not what happened.
func TestEventsThatNeverCame(t *testing.T) {
	b := newWhole(t)
	var d deafness
	stop := b.start(d.wrap)
	b.rests("one", "one")
	d.set(true)
	b.want("two")
	b.want("three")
	configMaps := b.configMaps()
	for _, name := range []string{"app-last", "app-delivered"} {
		if err := configMaps.Delete(context.Background(), name, metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	b.merge(configMaps, "app-source", `{data: {revision: somebody else's}}`)
	d.set(false)
	b.rests("three", "one", "three")
	stop()

	// The same while the controller is down.
	b.want("four")
	b.want("one")
	if err := configMaps.Delete(context.Background(), "app-last", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	b.start(nil)
	b.rests("one", "one", "three")
}

// deafness cuts all watches, and refuses lists and watches while it lasts.
type deafness struct {
	mu   sync.Mutex
	deaf bool
	cut  []io.Closer
}

func (d *deafness) set(deaf bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.deaf = deaf
	for _, body := range d.cut {
		_ = body.Close()
	}
	d.cut = nil
}

func (d *deafness) wrap(next http.RoundTripper) http.RoundTripper {
	return tripper(func(r *http.Request) (*http.Response, error) {
		watch := r.Method == http.MethodGet && (r.URL.Query().Get("watch") != "" || strings.HasSuffix(r.URL.Path, "s"))
		d.mu.Lock()
		deaf := d.deaf
		d.mu.Unlock()
		if watch && deaf {
			return nil, errDead
		}
		resp, err := next.RoundTrip(r)
		if err == nil && r.URL.Query().Get("watch") != "" {
			d.mu.Lock()
			d.cut = append(d.cut, resp.Body)
			d.mu.Unlock()
		}
		return resp, err
	})
}
