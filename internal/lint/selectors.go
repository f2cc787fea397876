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
			if other.Key == e.Key && exclude(wish{string(other.Operator), other.Values}, wish{string(e.Operator), e.Values}) {
				m.add(c.d, at, "selector-unmet", "take one of them away", "no owner is ever taken: %s %s excludes an earlier requirement on the same label", e.Key, e.Operator)
			}
		}
	}
	m.checkFields(c, a.fields)
}

func (m *model) checkFields(c *chain, fields []v1alpha1.FieldSelectorRequirement) {
	for i, f := range fields {
		for _, other := range fields[:i] {
			if other.Key == f.Key && exclude(wish{string(other.Operator), other.Values}, wish{string(f.Operator), f.Values}) {
				m.add(c.d, c.d.Place(index("spec.selectorMatchFields", i)), "selector-unmet", "take one of them away", "no owner is ever taken: %s %s excludes an earlier requirement on the same field", f.Key, f.Operator)
			}
		}
	}
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

// wish is a requirement without its key; labels and fields spell the operators alike.
type wish struct {
	operator string
	values   []string
}

// exclude: nothing meets both. NotIn is met by what is not there, as DoesNotExist is.
func exclude(a, b wish) bool {
	if b.operator == "DoesNotExist" || b.operator == "NotIn" {
		a, b = b, a
	}
	switch {
	case a.operator == "DoesNotExist":
		return b.operator == "In" || b.operator == "Exists"
	case a.operator == "NotIn" && b.operator == "In":
		return subset(b.values, a.values)
	}
	return a.operator == "In" && b.operator == "In" && !slices.ContainsFunc(a.values, func(v string) bool { return slices.Contains(b.values, v) })
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
