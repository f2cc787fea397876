// SPDX-License-Identifier: Apache-2.0

// Package drift tells whether a live object still says what we want it to say.
//
//	desired ─┬─ Missing(desired, live) ─▶ path of the first field that differs
//	live ────┴─ Project(desired, live) ─▶ the live values of the fields we own
//
// Fields that we do not mention belong to others and are never looked at: the
// server's defaults, an autoscaler's replicas, an injected sidecar. A value
// that the server writes in its own way (a quantity, a number for a numeral)
// is not a difference. What the server changes in ways that nobody can foresee
// is recognised by the projection that it had right after it was applied.
package drift

import (
	"fmt"
	"reflect"
	"strconv"

	"k8s.io/apimachinery/pkg/api/resource"
)

// Missing is the path of the first field of desired that live does not hold
// with an equal value, or "" if it holds all of them.
func Missing(desired, live any) string { return missing("", desired, live) }

func missing(at string, desired, live any) string {
	switch want := desired.(type) {
	case nil:
		// A null asks for nothing to be there; servers drop it or default it.
		return ""
	case map[string]any:
		return missingInMap(at, want, live)
	case []any:
		return missingInList(at, want, live)
	}
	if sameScalar(desired, live) {
		return ""
	}
	return orRoot(at)
}

func missingInMap(at string, want map[string]any, live any) string {
	have, ok := live.(map[string]any)
	if !ok {
		// An empty map and no map are the same to every server.
		if live == nil && isEmpty(want) {
			return ""
		}
		return orRoot(at)
	}
	for key, value := range want {
		if found := missing(at+"."+key, value, have[key]); found != "" {
			return found
		}
	}
	return ""
}

func missingInList(at string, want []any, live any) string {
	have, ok := live.([]any)
	if !ok {
		if live == nil && len(want) == 0 {
			return ""
		}
		return orRoot(at)
	}
	if key := listKey(want); key != "" {
		return missingByKey(at, key, want, have)
	}
	if len(want) != len(have) {
		return orRoot(at)
	}
	for i := range want {
		if found := missing(at+"["+strconv.Itoa(i)+"]", want[i], have[i]); found != "" {
			return found
		}
	}
	return ""
}

// missingByKey compares lists whose elements have names: others may have added
// elements, and the order is theirs.
func missingByKey(at, key string, want, have []any) string {
	for _, w := range want {
		name := w.(map[string]any)[key]
		where := fmt.Sprintf("%s[%s=%v]", at, key, name)
		if found := missing(where, w, element(have, key, name)); found != "" {
			return found
		}
	}
	return ""
}

// Project keeps of live only what desired mentions, so that its digest changes
// when, and only when, a field of ours does.
func Project(desired, live any) any {
	switch want := desired.(type) {
	case map[string]any:
		have, ok := live.(map[string]any)
		if !ok {
			return live
		}
		out := make(map[string]any, len(want))
		for key, value := range want {
			if h, ok := have[key]; ok {
				out[key] = Project(value, h)
			}
		}
		return out
	case []any:
		return projectList(want, live)
	}
	return live
}

func projectList(want []any, live any) any {
	have, ok := live.([]any)
	if !ok {
		return live
	}
	key := listKey(want)
	if key == "" && len(want) != len(have) {
		return live
	}
	out := make([]any, 0, len(want))
	for i, w := range want {
		h := any(nil)
		if key != "" {
			h = element(have, key, w.(map[string]any)[key])
		} else {
			h = have[i]
		}
		out = append(out, Project(w, h))
	}
	return out
}

// listKeys are the fields by which Kubernetes and its neighbours name the
// elements of a list, most telling first.
var listKeys = []string{"name", "uid", "key", "type", "containerPort", "port", "mountPath", "devicePath", "topologyKey", "ip"}

// listKey is the field by which all elements are told apart, or "".
func listKey(list []any) string {
	for _, key := range listKeys {
		if distinct(list, key) {
			return key
		}
	}
	return ""
}

func distinct(list []any, key string) bool {
	seen := make(map[any]bool, len(list))
	for _, e := range list {
		m, ok := e.(map[string]any)
		if !ok {
			return false
		}
		v := m[key]
		if v == nil || !reflect.TypeOf(v).Comparable() || seen[v] {
			return false
		}
		seen[v] = true
	}
	return len(list) > 0
}

func element(list []any, key string, name any) any {
	for _, e := range list {
		if m, ok := e.(map[string]any); ok && sameScalar(name, m[key]) {
			return m
		}
	}
	return nil
}

func sameScalar(want, have any) bool {
	if w, ok := number(want); ok {
		if h, ok := number(have); ok {
			return w == h
		}
	}
	if ws, hs := text(want), text(have); ws != "" && hs != "" {
		return ws == hs || sameQuantity(ws, hs)
	}
	return reflect.DeepEqual(want, have) || have == nil && isZero(want)
}

// isZero is true of what servers leave out when they store it.
func isZero(v any) bool { return v == "" || v == false || v == int64(0) || v == float64(0) }

// sameQuantity knows that 1000m of CPU is stored as 1.
func sameQuantity(a, b string) bool {
	x, err := resource.ParseQuantity(a)
	if err != nil {
		return false
	}
	y, err := resource.ParseQuantity(b)
	return err == nil && x.Cmp(y) == 0
}

func number(v any) (float64, bool) {
	switch n := v.(type) {
	case int64:
		return float64(n), true
	case float64:
		return n, true
	}
	return 0, false
}

func text(v any) string {
	switch s := v.(type) {
	case string:
		return s
	case int64:
		return strconv.FormatInt(s, 10)
	case float64:
		return strconv.FormatFloat(s, 'f', -1, 64)
	}
	return ""
}

func isEmpty(v any) bool {
	switch x := v.(type) {
	case nil:
		return true
	case map[string]any:
		for _, e := range x {
			if !isEmpty(e) {
				return false
			}
		}
		return true
	case []any:
		return len(x) == 0
	}
	return false
}

func orRoot(at string) string {
	if at == "" {
		return "."
	}
	return at
}
