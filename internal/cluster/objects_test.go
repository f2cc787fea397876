// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/draft"
	"rhumb.run/rhumb/internal/core/view"
)

// makeMiddle makes what stands between a stamped object and a pod. Neither of
// the kinds is one that the control plane's own controllers would meddle with.
func makeMiddle(t *testing.T, c *Cluster, name string) *corev1.ConfigMap {
	t.Helper()
	stamped, err := c.objects.Resource(v1alpha1.SchemeGroupVersion.WithResource("runnables")).Namespace(c.Namespace).Create(t.Context(),
		&unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "carto.run/v1alpha1", "kind": "Runnable", "metadata": map[string]any{"name": "stamped"},
			"spec": map[string]any{"runTemplateRef": map[string]any{"name": "any"}},
		}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	m, err := c.kube.CoreV1().ConfigMaps(c.Namespace).Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{
		Name: name, OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(stamped, stamped.GroupVersionKind())},
	}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// makeWorkload makes one whose only step stamped an object.
func makeWorkload(t *testing.T, c *Cluster, kind, apiVersion, stamped string) *v1alpha1.Workload {
	t.Helper()
	image := "registry.example/shop"
	written, err := draft.Written(&v1alpha1.Workload{ObjectMeta: metav1.ObjectMeta{Name: "shop"}, Spec: v1alpha1.WorkloadSpec{Image: &image}})
	if err != nil {
		t.Fatal(err)
	}
	w, err := c.Create(t.Context(), written)
	if err != nil {
		t.Fatal(err)
	}
	report(t, c, map[string]any{"resources": []any{map[string]any{
		"name": "deployer", "stampedRef": map[string]any{"apiVersion": apiVersion, "kind": kind, "name": stamped, "resource": strings.ToLower(kind) + "s.apps"},
	}}})
	return w
}

// report writes a status, as the controller does.
func report(t *testing.T, c *Cluster, status map[string]any) {
	t.Helper()
	raw, err := json.Marshal(map[string]any{"status": status})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.objects.Resource(workloads).Namespace(c.Namespace).Patch(t.Context(), "shop", types.MergePatchType, raw, metav1.PatchOptions{}, "status"); err != nil {
		t.Fatal(err)
	}
}

// ready is a status of a generation.
func ready(generation int, status, reason string) map[string]any {
	return map[string]any{"observedGeneration": generation, "conditions": []any{map[string]any{
		"type": "Ready", "status": status, "reason": reason, "message": "because", "lastTransitionTime": "2020-01-01T00:00:00Z",
	}}}
}

// Whoever was faster is not overwritten, and is told of; fields of others stay.
func TestPatchOfAnOldVersion(t *testing.T) {
	_, c := open(t)
	there := makeWorkload(t, c, "Deployment", "apps/v1", "shop")
	there, err := c.Workload(t.Context(), there.Name)
	if err != nil {
		t.Fatal(err)
	}
	wanted := there.DeepCopy()
	wanted.Spec.Env = []corev1.EnvVar{{Name: "A", Value: "1"}}
	patch, err := draft.Patch(there, wanted)
	if err != nil {
		t.Fatal(err)
	}
	raw := []byte(`{"metadata":{"annotations":{"other.example/note":"mine"}}}`)
	if _, err := c.objects.Resource(workloads).Namespace(c.Namespace).Patch(t.Context(), "shop", types.MergePatchType, raw, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Patch(t.Context(), "shop", patch); err == nil || !strings.Contains(err.Error(), "somebody changed it meanwhile") {
		t.Fatalf("got %v", err)
	}
	if there, err = c.Workload(t.Context(), "shop"); err != nil {
		t.Fatal(err)
	}
	wanted = there.DeepCopy()
	wanted.Spec.Env = []corev1.EnvVar{{Name: "A", Value: "1"}}
	if patch, err = draft.Patch(there, wanted); err != nil {
		t.Fatal(err)
	}
	now, err := c.Patch(t.Context(), "shop", patch)
	if err != nil {
		t.Fatal(err)
	}
	if now.Annotations["other.example/note"] != "mine" || len(now.Spec.Env) != 1 {
		t.Errorf("got %v, %v", now.Annotations, now.Spec.Env)
	}
}

func TestSettled(t *testing.T) {
	for name, c := range map[string]struct {
		why  string
		then []map[string]any
		want view.Verdict
	}{
		"Ready":   {"a status of the spec that was written", []map[string]any{ready(1, "True", "Ready")}, view.IsReady},
		"Failing": {"a failure that stays is the answer", []map[string]any{ready(1, "False", "TemplateRejectedByAPIServer")}, view.Failing},
	} {
		t.Run(name, func(t *testing.T) {
			_, cl := open(t)
			w := makeWorkload(t, cl, "Deployment", "apps/v1", "shop")
			patience := time.Minute
			if c.want == view.Failing {
				patience = time.Millisecond
			}
			for _, s := range c.then[:len(c.then)-1] {
				report(t, cl, s)
			}
			result := make(chan view.Verdict, 1)
			go func() {
				_, verdict, err := cl.Settled(t.Context(), w, patience)
				if err != nil {
					t.Error(err)
				}
				result <- verdict
			}()
			report(t, cl, c.then[len(c.then)-1])
			if got := <-result; got != c.want {
				t.Errorf("%s: got %v, want %v", c.why, got, c.want)
			}
		})
	}
}

// What an older spec was like says nothing of the one that was written.
func TestSettledHeedsNoStaleStatus(t *testing.T) {
	_, c := open(t)
	makeWorkload(t, c, "Deployment", "apps/v1", "shop")
	report(t, c, ready(1, "True", "Ready"))
	w, err := c.Patch(t.Context(), "shop", []byte(`{"spec":{"image":"registry.example/shop:2"}}`))
	if err != nil || w.Generation != 2 {
		t.Fatal(err, w)
	}
	type settled struct {
		verdict view.Verdict
		reason  string
	}
	result := make(chan settled, 1)
	go func() {
		last, verdict, err := c.Settled(t.Context(), w, 0)
		if err != nil {
			t.Error(err)
		}
		result <- settled{verdict, last.Status.Conditions[0].Reason}
	}()
	// Each of these is news of the older spec; the last one is of the one that was written.
	report(t, c, ready(1, "True", "Ready"))
	report(t, c, ready(1, "False", "Broken"))
	report(t, c, ready(2, "False", "Refused"))
	if got := <-result; got.verdict != view.Failing || got.reason != "Refused" {
		t.Errorf("got %v", got)
	}
}

// A failure that mended itself does not end the waiting, however long the rest takes.
func TestSettledForgetsWhatIsMended(t *testing.T) {
	is := func(status, reason string) Watched {
		w := &v1alpha1.Workload{}
		raw, err := json.Marshal(map[string]any{"status": ready(0, status, reason)})
		if err == nil {
			err = json.Unmarshal(raw, w)
		}
		if err != nil {
			t.Fatal(err)
		}
		return Watched{Workload: w}
	}
	news, late, got := make(chan Watched), make(chan time.Time), make(chan view.Verdict, 1)
	go func() {
		_, verdict, _ := settle(news, nil, &v1alpha1.Workload{}, func() <-chan time.Time { return late })
		got <- verdict
	}()
	news <- is("False", "Broken")
	news <- is("Unknown", "Building")
	for range 20 {
		select {
		case late <- time.Time{}:
			t.Fatal("what is mended ended the waiting")
		case news <- is("Unknown", "Building"):
		}
	}
	news <- is("True", "Ready")
	if verdict := <-got; verdict != view.IsReady {
		t.Errorf("got %v", verdict)
	}
}

// A change of anything that is shown is told of.
func TestChanges(t *testing.T) {
	_, c := open(t)
	makeWorkload(t, c, "Deployment", "apps/v1", "shop")
	news := make(chan struct{}, 100)
	go func() { _ = c.Changes(t.Context(), "shop", func() { news <- struct{}{} }) }()
	next := func(what string) {
		t.Helper()
		select {
		case <-news:
		case <-time.After(patience):
			t.Fatalf("nobody was told of %s", what)
		}
	}
	next("the workload that is there")
	report(t, c, ready(1, "True", "Ready"))
	next("a status")
	makePod(t, c, "app", labelled(v1alpha1.WorkloadNameLabel))
	next("a pod")
}
