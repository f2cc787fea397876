// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"fmt"
	"reflect"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"rhumb.run/rhumb/api/carto/v1alpha1"
)

// asks is a selector as it is written.
type asks struct {
	labels map[string]string
	exprs  []metav1.LabelSelectorRequirement
	fields []v1alpha1.FieldSelectorRequirement
}

func (c *chain) asks() asks {
	switch b := c.object.(type) {
	case *v1alpha1.ClusterSupplyChain:
		return asks{b.Spec.Selector, b.Spec.SelectorMatchExpressions, b.Spec.SelectorMatchFields}
	case *v1alpha1.ClusterDelivery:
		return asks{b.Spec.Selector, b.Spec.SelectorMatchExpressions, b.Spec.SelectorMatchFields}
	}
	return asks{}
}

// checkSelector: requirements on one key that exclude each other are never met.
func (m *model) checkSelector(c *chain) {
	a := c.asks()
	for i, e := range a.exprs {
		value, set := a.labels[e.Key]
		at := c.d.Place(index("spec.selectorMatchExpressions", i))
		if set && excludes(e, value) {
			m.add(c.d, at, "selector-unmet", "take one of them away", "no owner is ever taken: selector asks for %s=%s, which this excludes", e.Key, value)
		}
		for _, other := range a.exprs[:i] {
			if other.Key == e.Key && exclude(other, e) {
				m.add(c.d, at, "selector-unmet", "take one of them away", "no owner is ever taken: %s %s excludes an earlier requirement on the same label", e.Key, e.Operator)
			}
		}
	}
	m.checkFields(c, a.fields)
}

func (m *model) checkFields(c *chain, fields []v1alpha1.FieldSelectorRequirement) {
	for i, f := range fields {
		for _, other := range fields[:i] {
			if other.Key == f.Key && excludeFields(f, other) {
				m.add(c.d, c.d.Place(index("spec.selectorMatchFields", i)), "selector-unmet", "take one of them away", "no owner is ever taken: %s %s excludes an earlier requirement on the same field", f.Key, f.Operator)
			}
		}
	}
}

// excludeFields: NotIn is met by a field that is null, as DoesNotExist is.
func excludeFields(a, b v1alpha1.FieldSelectorRequirement) bool {
	const in, not = v1alpha1.FieldSelectorIn, v1alpha1.FieldSelectorNotIn
	if b.Operator == v1alpha1.FieldSelectorDoesNotExist {
		a, b = b, a
	}
	switch {
	case a.Operator == v1alpha1.FieldSelectorDoesNotExist:
		return b.Operator == in || b.Operator == v1alpha1.FieldSelectorExists
	case a.Operator == in && b.Operator == not:
		return subset(a.Values, b.Values)
	case a.Operator == not && b.Operator == in:
		return subset(b.Values, a.Values)
	}
	return bothIn(string(a.Operator), string(b.Operator), a.Values, b.Values)
}

func excludes(e metav1.LabelSelectorRequirement, value string) bool {
	switch e.Operator {
	case metav1.LabelSelectorOpDoesNotExist:
		return true
	case metav1.LabelSelectorOpIn:
		return !slices.Contains(e.Values, value)
	case metav1.LabelSelectorOpNotIn:
		return slices.Contains(e.Values, value)
	default:
		return false
	}
}

func exclude(a, b metav1.LabelSelectorRequirement) bool {
	const in, none, some, not = metav1.LabelSelectorOpIn, metav1.LabelSelectorOpDoesNotExist, metav1.LabelSelectorOpExists, metav1.LabelSelectorOpNotIn
	if b.Operator == none {
		a, b = b, a
	}
	switch {
	case a.Operator == none:
		return b.Operator == in || b.Operator == some
	case a.Operator == in && b.Operator == not:
		return subset(a.Values, b.Values)
	case a.Operator == not && b.Operator == in:
		return subset(b.Values, a.Values)
	}
	return bothIn(string(a.Operator), string(b.Operator), a.Values, b.Values)
}

// bothIn: two lists of allowed values that have none in common.
func bothIn(a, b string, x, y []string) bool {
	return a == "In" && b == "In" && !slices.ContainsFunc(x, func(v string) bool { return slices.Contains(y, v) })
}

func subset(x, y []string) bool {
	return !slices.ContainsFunc(x, func(v string) bool { return !slices.Contains(y, v) })
}

// checkTies: two blueprints that ask for the same take no owner, each because of the other.
func (m *model) checkTies() {
	for i, c := range m.blueprints {
		for _, other := range m.blueprints[:i] {
			if c.compiled.Kind == other.compiled.Kind && same(c.asks(), other.asks()) {
				m.add(c.d, c.d.Place("spec"), "selector-tie", "let one of them ask for more",
					"%s asks for the same as %s in %s: an owner that matches both gets neither", c.compiled.Name, other.compiled.Name, other.d.Place("spec"))
			}
		}
	}
}

func same(a, b asks) bool {
	if len(a.labels)+len(a.exprs)+len(a.fields) == 0 || len(a.labels) != len(b.labels) {
		return false
	}
	for k, v := range a.labels {
		if b.labels[k] != v {
			return false
		}
	}
	return reflect.DeepEqual(printed(a.exprs), printed(b.exprs)) && reflect.DeepEqual(printed(a.fields), printed(b.fields))
}

// printed makes lists comparable whatever their order.
func printed[T any](list []T) []string {
	out := []string{}
	for _, e := range list {
		out = append(out, fmt.Sprintf("%v", e))
	}
	slices.Sort(out)
	return out
}
