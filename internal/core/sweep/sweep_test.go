// SPDX-License-Identifier: Apache-2.0

package sweep_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/owner"
	"rhumb.run/rhumb/internal/core/realize"
	"rhumb.run/rhumb/internal/core/sweep"
	"rhumb.run/rhumb/internal/memory"
)

func app(status v1alpha1.OwnerStatus) *owner.Owner {
	w := &v1alpha1.Workload{ObjectMeta: metav1.ObjectMeta{Name: "app", Namespace: "dev", UID: "mine"}}
	w.Status.OwnerStatus = status
	o := owner.OfWorkload(w)
	return &o
}

// object is a ConfigMap with a controller, stamped by a step of a lifecycle.
func object(name string, controller types.UID, step, lifecycle string) *unstructured.Unstructured {
	u := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "ConfigMap"}}
	u.SetName(name)
	u.SetNamespace("dev")
	u.SetLabels(map[string]string{v1alpha1.ResourceNameLabel: step, v1alpha1.TemplateLifecycleLabel: lifecycle})
	yes := true
	u.SetOwnerReferences([]metav1.OwnerReference{{APIVersion: "carto.run/v1alpha1", Kind: "Workload", Name: "app", UID: controller, Controller: &yes}})
	return u
}

func stamped(step, name string) v1alpha1.ResourceStatus {
	var out v1alpha1.ResourceStatus
	out.Name = step
	out.StampedRef = &v1alpha1.StampedRef{
		ObjectReference: &corev1.ObjectReference{APIVersion: "v1", Kind: "ConfigMap", Namespace: "dev", Name: name},
		Resource:        "configmaps",
	}
	return out
}

func left(w *memory.World) []string {
	var out []string
	for _, u := range w.Objects() {
		out = append(out, u.GetName())
	}
	slices.Sort(out)
	return out
}

func TestSweep(t *testing.T) {
	for _, c := range []struct {
		name, why string
		there     []*unstructured.Unstructured
		record    string
		runs      []string // of the step "run", as the walk saw them
		want      []string
	}{
		{
			"Orphan", "no step stamps it any more",
			[]*unstructured.Unstructured{object("a", "mine", "gone", "mutable"), object("b", "mine", "gone", "mutable")},
			"a", nil,
			[]string{"b"},
		},
		{
			"Runs", "of a step that is gone, all runs go",
			[]*unstructured.Unstructured{object("a", "mine", "gone", "tekton"), object("b", "mine", "gone", "tekton"), object("c", "mine", "run", "tekton")},
			"a", nil,
			[]string{"c"},
		},
		{
			"PassedOn", "it is somebody else's now",
			[]*unstructured.Unstructured{object("a", "theirs", "gone", "mutable")},
			"a", nil,
			[]string{"a"},
		},
		{
			"UnseenRun", "the walk's memory was older than the record: the step goes on, and so do its runs",
			[]*unstructured.Unstructured{object("a", "mine", "run", "tekton"), object("b", "mine", "run", "tekton"), object("c", "mine", "run", "tekton")},
			"b",
			[]string{"c", "a"},
			[]string{"a", "b", "c"},
		},
		{
			"OtherLifecycle", "the step made an object that it changed before it made runs",
			[]*unstructured.Unstructured{object("a", "mine", "run", "mutable"), object("b", "mine", "run", "tekton")},
			"a",
			[]string{"b"},
			[]string{"b"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := memory.New()
			var did []realize.Realized
			for _, u := range c.there {
				w.Put(u)
			}
			if c.runs != nil {
				r := realize.Realized{Live: realize.Live{Object: w.Find("ConfigMap", c.runs[0]), Resource: "configmaps"}}
				for _, name := range c.runs {
					r.Runs = append(r.Runs, w.Find("ConfigMap", name))
				}
				did = append(did, r)
			}
			o := app(v1alpha1.OwnerStatus{Resources: []v1alpha1.ResourceStatus{stamped("x", c.record)}})
			var after v1alpha1.OwnerStatus
			if _, err := sweep.Sweep(t.Context(), w, o, &after, did); err != nil {
				t.Fatal(err)
			}
			if got := left(w); !slices.Equal(got, c.want) {
				t.Errorf("left %v, want %v: %s", got, c.want, c.why)
			}
			if len(after.Orphans) > 0 {
				t.Errorf("still on record: %v", after.Orphans)
			}
		})
	}
}

// Whatever a record says that came from a backup, another version or
// somebody's hand: nothing is deleted that the owner does not control or that
// one of its steps stamps.
func FuzzSweep(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"orphans":[{}]}`, `{"orphans":[{"kind":"ConfigMap"}],"resources":[{}]}`,
		`{"orphans":[{"apiVersion":"v1","kind":"ConfigMap","namespace":"dev","name":"theirs"}]}`,
		`{"orphans":[{"apiVersion":"v1","kind":"ConfigMap","namespace":"dev","name":"nobodys"}]}`,
		`{"resources":[{"name":"x","stampedRef":{"apiVersion":"v2","kind":"ConfigMap","namespace":"dev","name":"kept"}}]}`,
		`{"resources":[{"name":"x","stampedRef":{"apiVersion":"v1","kind":"ConfigMap","namespace":"dev","name":"run-1"}}]}`,
		`{"resources":[{"name":"x","stampedRef":{"apiVersion":"a/b/c","kind":"ConfigMap","namespace":"../dev","name":"run-1"}}]}`,
		`{"orphans":[{"apiVersion":"v1","kind":"ConfigMap","namespace":"dev","name":"orphan"},{"apiVersion":"v1","kind":"ConfigMap","namespace":"dev","name":"orphan"}]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var status v1alpha1.OwnerStatus
		if json.Unmarshal(text, &status) != nil {
			return
		}
		w := memory.New()
		nobodys := object("nobodys", "", "x", "mutable")
		nobodys.SetOwnerReferences(nil)
		for _, u := range []*unstructured.Unstructured{
			object("theirs", "theirs", "x", "mutable"), nobodys, object("kept", "mine", "kept", "mutable"),
			object("run-1", "mine", "run", "tekton"), object("run-2", "mine", "run", "tekton"), object("orphan", "mine", "gone", "mutable"),
		} {
			w.Put(u)
		}
		after := v1alpha1.OwnerStatus{Resources: []v1alpha1.ResourceStatus{stamped("kept", "kept"), stamped("run", "run-2")}}
		run := w.Find("ConfigMap", "run-2")
		did := []realize.Realized{{}, {Live: realize.Live{Object: run, Resource: "configmaps"}, Runs: []*unstructured.Unstructured{run}}}
		removed, err := sweep.Sweep(t.Context(), w, app(status), &after, did)
		if err != nil || len(after.Orphans) > 0 {
			t.Errorf("err %v, still on record %v", err, after.Orphans)
		}
		want := []string{"kept", "nobodys", "orphan", "run-1", "run-2", "theirs"}
		if len(removed) > 0 {
			want = slices.DeleteFunc(want, func(name string) bool { return name == "orphan" })
		}
		if got := left(w); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("left %v, want %v", got, want)
		}
	})
}
