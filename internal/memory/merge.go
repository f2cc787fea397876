// SPDX-License-Identifier: Apache-2.0

package memory

import (
	"reflect"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// merge applies desired: what it names becomes so, what the last apply named
// and this one does not goes, all else stays. The server has the last word.
func (s *stored) merge(desired *unstructured.Unstructured, store func(*unstructured.Unstructured)) {
	before := s.object.DeepCopy()
	want := runtime.DeepCopyJSON(desired.Object)
	delete(want, "status") // a controller's, not an applier's
	s.object.Object = mergeMap(s.object.Object, s.applied, want)
	s.applied = runtime.DeepCopyJSON(want)
	if store != nil {
		store(s.object)
	}
	bump(before, s.object)
}

// bump gives a spec that changed a new generation, as the server does for
// kinds that have a spec.
func bump(before, after *unstructured.Unstructured) {
	if after.Object["spec"] != nil && !reflect.DeepEqual(before.Object["spec"], after.Object["spec"]) {
		after.SetGeneration(before.GetGeneration() + 1)
	}
}

func mergeMap(live, applied, want map[string]any) map[string]any {
	out := make(map[string]any, len(live)+len(want))
	for k, v := range live {
		_, ours := applied[k]
		_, still := want[k]
		if !ours || still {
			out[k] = v
		}
	}
	for k, v := range want {
		out[k] = mergeValue(out[k], applied[k], v)
	}
	return out
}

func mergeValue(live, applied, want any) any {
	switch w := want.(type) {
	case map[string]any:
		l, _ := live.(map[string]any)
		a, _ := applied.(map[string]any)
		return mergeMap(l, a, w)
	case []any:
		l, _ := live.([]any)
		a, _ := applied.([]any)
		if named(w) && named(l) {
			return mergeNamed(l, a, w)
		}
	}
	return want
}

// mergeNamed merges lists by the name of their elements: others' elements stay.
func mergeNamed(live, applied, want []any) []any {
	out := []any{}
	for _, l := range live {
		name := l.(map[string]any)["name"]
		if element(want, name) != nil || element(applied, name) == nil {
			out = append(out, l)
		}
	}
	for _, w := range want {
		name := w.(map[string]any)["name"]
		merged := mergeMap(element(out, name), element(applied, name), w.(map[string]any))
		if i := place(out, name); i >= 0 {
			out[i] = merged
		} else {
			out = append(out, merged)
		}
	}
	return out
}

func named(list []any) bool {
	for _, e := range list {
		if m, ok := e.(map[string]any); !ok || m["name"] == nil {
			return false
		}
	}
	return true
}

func place(list []any, name any) int {
	for i, e := range list {
		if m, ok := e.(map[string]any); ok && reflect.DeepEqual(m["name"], name) {
			return i
		}
	}
	return -1
}

func element(list []any, name any) map[string]any {
	if i := place(list, name); i >= 0 {
		return list[i].(map[string]any)
	}
	return nil
}
