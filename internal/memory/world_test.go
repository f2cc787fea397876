// SPDX-License-Identifier: Apache-2.0

package memory_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/realize"
	"rhumb.run/rhumb/internal/core/template"
	"rhumb.run/rhumb/internal/fault"
	"rhumb.run/rhumb/internal/memory"
)

const mine = `metadata: {name: x, namespace: dev, labels: {carto.run/resource-name: r}, ownerReferences: [{apiVersion: carto.run/v1alpha1, kind: Workload, name: app, uid: u-1, controller: true}]}`

func object(t testing.TB, text string) *unstructured.Unstructured {
	t.Helper()
	raw, err := yaml.YAMLToJSON([]byte("{apiVersion: test.run/v1, kind: Test, " + text + "}"))
	if err != nil {
		t.Fatal(err)
	}
	u := &unstructured.Unstructured{}
	if err := u.UnmarshalJSON(raw); err != nil {
		t.Fatal(err)
	}
	return u
}

func apply(t testing.TB, w *memory.World, text string) realize.Live {
	t.Helper()
	desired := object(t, text)
	seen, err := w.Observe(t.Context(), desired)
	if err != nil {
		t.Fatal(err)
	}
	live, err := w.Apply(t.Context(), desired, seen.Object)
	if err != nil {
		t.Fatal(err)
	}
	return live
}

func spec(u *unstructured.Unstructured) any { return u.Object["spec"] }

func TestApplyOwnsWhatItNames(t *testing.T) {
	w := memory.New()
	apply(t, w, mine+`, spec: {a: 1, b: 2, list: [x, y], named: [{name: app, v: 1}, {name: old}], deep: {mine: 1}}`)
	w.Edit("Test", "x", func(u *unstructured.Unstructured) {
		s := u.Object["spec"].(map[string]any)
		s["theirs"], s["a"] = "stays", int64(9)
		s["deep"].(map[string]any)["theirs"] = "stays"
		s["named"] = append([]any{map[string]any{"name": "mesh"}}, s["named"].([]any)...)
	})
	live := apply(t, w, mine+`, spec: {a: 1, list: [y], named: [{name: app, v: 2}, {name: new}], deep: {mine: 1}}, status: {never: written}`)
	want := object(t, `spec: {a: 1, theirs: stays, list: [y], named: [{name: mesh}, {name: app, v: 2}, {name: new}], deep: {mine: 1, theirs: stays}}`)
	if diff := cmp.Diff(spec(want), spec(live.Object)); diff != "" {
		t.Error(diff)
	}
	if live.Object.Object["status"] != nil {
		t.Error("a status was applied")
	}
}

func TestGeneration(t *testing.T) {
	w := memory.New()
	for _, step := range []struct {
		why, text string
		want      int64
	}{
		{"a new object", mine + `, spec: {a: 1}`, 1},
		{"the same again", mine + `, spec: {a: 1}`, 1},
		{"another spec", mine + `, spec: {a: 2}`, 2},
		{"what is no spec", mine + `, spec: {a: 2}, data: {b: 1}`, 2},
	} {
		if got := apply(t, w, step.text).Object.GetGeneration(); got != step.want {
			t.Errorf("%s: generation %d, want %d", step.why, got, step.want)
		}
	}
	w.Edit("Test", "x", func(u *unstructured.Unstructured) { u.Object["spec"] = map[string]any{"a": int64(3)} })
	if got := w.Find("Test", "x").GetGeneration(); got != 3 {
		t.Errorf("edited: generation %d, want 3", got)
	}
	if got := apply(t, memory.New(), mine+`, data: {a: b}`).Object.GetGeneration(); got != 0 {
		t.Errorf("a kind without a spec: generation %d, want none", got)
	}
}

func TestApplyTakesNothingOver(t *testing.T) {
	cases := map[string]struct{ why, there, holder string }{
		"Other":   {"of another owner", `metadata: {name: x, namespace: dev, ownerReferences: [{kind: Deployment, name: shop, uid: d, controller: true}]}, spec: {}`, "Deployment/shop"},
		"Nobody":  {"of nobody", `metadata: {name: x, namespace: dev}, spec: {}`, "nobody (it has no controller)"},
		"Adopt":   {"handed over", `metadata: {name: x, namespace: dev, annotations: {rhumb.run/adopt: "true"}}, spec: {}`, ""},
		"OurOwn":  {"ours, of which memory did not know yet", `metadata: {name: x, namespace: dev, ownerReferences: [{kind: Workload, name: app, uid: u-1, controller: true}]}, spec: {}`, ""},
		"Nothing": {"not there", "", ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := memory.New()
			if c.there != "" {
				w.Put(object(t, c.there))
			}
			_, err := w.Apply(t.Context(), object(t, mine+`, spec: {a: 1}`), nil)
			var occupied *realize.OccupiedError
			if errors.As(err, &occupied) != (c.holder != "") || occupied != nil && occupied.Holder != c.holder {
				t.Fatalf("%s: err = %v, want holder %q", c.why, err, c.holder)
			}
			if class, _ := fault.Of(err); err != nil && class != fault.Deny {
				t.Errorf("class %v, want deny", class)
			}
			if (len(w.Writes) == 0) != (c.holder != "") {
				t.Errorf("writes: %v", w.Writes)
			}
		})
	}
}

// An object that was made anew by somebody else since it was seen is not the one that was seen.
func TestApplyToAnotherOfTheName(t *testing.T) {
	w := memory.New()
	seen := apply(t, w, mine+`, spec: {a: 1}`)
	w.Remove("Test", "x")
	w.Put(object(t, `metadata: {name: x, namespace: dev}, spec: {a: theirs}`))
	_, err := w.Apply(t.Context(), object(t, mine+`, spec: {a: 2}`), seen.Object)
	if _, ok := errors.AsType[*realize.OccupiedError](err); !ok {
		t.Errorf("err = %v, want it occupied", err)
	}
}

func TestDelete(t *testing.T) {
	stampedRef := v1alpha1.StampedRef{ObjectReference: &corev1.ObjectReference{APIVersion: "test.run/v1", Kind: "Test", Namespace: "dev", Name: "x"}, Resource: "tests.test.run"}
	w := memory.New()
	if removed, err := w.Delete(t.Context(), stampedRef, "u-1"); removed || err != nil {
		t.Errorf("nothing there: %v, %v", removed, err)
	}
	apply(t, w, mine+`, spec: {}`)
	if removed, err := w.Delete(t.Context(), stampedRef, "u-2"); removed || err != nil {
		t.Errorf("of another owner: %v, %v", removed, err)
	}
	if removed, err := w.Delete(t.Context(), stampedRef, "u-1"); !removed || err != nil || w.Find("Test", "x") != nil {
		t.Errorf("of the owner: %v, %v", removed, err)
	}
	if diff := cmp.Diff("[create tests.test.run/x delete tests.test.run/x]", fmt.Sprint(w.Writes)); diff != "" {
		t.Error(diff)
	}
}

// A watch shows what carries our labels, and nothing else.
func TestObserveSeesWhatWasStamped(t *testing.T) {
	w := memory.New()
	w.Put(object(t, `metadata: {name: x, namespace: dev}, spec: {}`))
	live, err := w.Observe(t.Context(), object(t, mine))
	if err != nil || live.Object != nil || live.Resource != "tests.test.run" {
		t.Errorf("Observe = %v, %v", live, err)
	}
}

func TestReport(t *testing.T) {
	w := memory.New()
	about := object(t, `metadata: {name: x, namespace: dev}`)
	w.Report(about, map[string]any{"early": true})
	live := apply(t, w, mine+`, spec: {}`)
	if live.Object.Object["status"] == nil {
		t.Error("a status that was reported before the object was there is lost")
	}
	w.Report(about, map[string]any{"late": true})
	if diff := cmp.Diff(map[string]any{"late": true}, w.Find("Test", "x").Object["status"]); diff != "" {
		t.Error(diff)
	}
}

func TestFaults(t *testing.T) {
	w := memory.New()
	lost := errors.New("connection lost")
	var calls []memory.Call
	w.Before = func(c memory.Call) error {
		calls = append(calls, c)
		if c.Number == 1 {
			return lost
		}
		return nil
	}
	w.After = func(c memory.Call) error {
		if c.Number == 3 {
			return lost
		}
		return nil
	}
	ctx := t.Context()
	if _, err := w.Template(ctx, template.Ref{Kind: template.PlainKind, Name: "none"}); !errors.Is(err, lost) {
		t.Errorf("before the first call: %v", err)
	}
	_, err := w.Template(ctx, template.Ref{Kind: template.PlainKind, Name: "none"})
	if class, _ := fault.Of(err); class != fault.Reject || err.Error() != `clustertemplates.carto.run "none" not found` {
		t.Errorf("the second call: %v", err)
	}
	if _, err := w.Apply(ctx, object(t, mine+`, spec: {}`), nil); !errors.Is(err, lost) || w.Find("Test", "x") == nil {
		t.Errorf("after the third call: %v; it has happened all the same", err)
	}
	if diff := cmp.Diff("[read clustertemplates.carto.run/none read clustertemplates.carto.run/none create tests.test.run/x]", fmt.Sprint(calls)); diff != "" {
		t.Error(diff)
	}
	if memory.Observe.Writing() || memory.Read.Writing() || !memory.Patch.Writing() {
		t.Error("who writes?")
	}
}
