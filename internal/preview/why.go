// SPDX-License-Identifier: Apache-2.0

package preview

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/blueprint"
	"rhumb.run/rhumb/internal/core/owner"
	"rhumb.run/rhumb/internal/core/selector"
	"rhumb.run/rhumb/internal/paper"
)

// Match is how a selector meets an owner.
type Match struct {
	// Of is a blueprint, or an option.
	Of string
	// Asked is how many things the selector asks for, Met how many of them hold.
	Asked, Met int
	// Unmet says what does not hold.
	Unmet []string
}

// Matches is true if everything holds that is asked for, and something is.
func (m Match) Matches() bool { return m.Asked > 0 && m.Met == m.Asked }

// Why tells of each blueprint of the owner's kind how closely it describes it, the closest first.
func Why(s *paper.Set, object owner.Object) []Match {
	o := owner.Of(object)
	var out []Match
	for _, b := range s.Blueprints {
		spec := selectorOf(b)
		if spec == nil || blueprint.Of(b).Kind != o.BlueprintKind {
			continue
		}
		out = append(out, match(b.GetName(), spec, &o))
	}
	sortMatches(out)
	return out
}

// WhyOption tells of each option of a resource how closely it describes the owner.
func WhyOption(s *paper.Set, o *owner.Owner, b *blueprint.Blueprint, resource string) []Match {
	var out []Match
	for _, object := range s.Blueprints {
		if object.GetName() != b.Name || blueprint.Of(object).Kind != b.Kind {
			continue
		}
		for _, option := range options(object, resource) {
			name := option.Name
			if option.PassThrough != "" {
				name = "pass through " + option.PassThrough
			}
			out = append(out, match(name, &asked{option.Selector.MatchLabels, option.Selector.MatchExpressions, option.Selector.MatchFields}, o))
		}
	}
	return out
}

type asked struct {
	labels map[string]string
	exprs  []metav1.LabelSelectorRequirement
	fields []v1alpha1.FieldSelectorRequirement
}

func selectorOf(object blueprint.Object) *asked {
	switch b := object.(type) {
	case *v1alpha1.ClusterSupplyChain:
		return &asked{b.Spec.Selector, b.Spec.SelectorMatchExpressions, b.Spec.SelectorMatchFields}
	case *v1alpha1.ClusterDelivery:
		return &asked{b.Spec.Selector, b.Spec.SelectorMatchExpressions, b.Spec.SelectorMatchFields}
	}
	return nil
}

func options(object blueprint.Object, resource string) []v1alpha1.TemplateOption {
	switch b := object.(type) {
	case *v1alpha1.ClusterSupplyChain:
		for i := range b.Spec.Resources {
			if b.Spec.Resources[i].Name == resource {
				return b.Spec.Resources[i].TemplateRef.Options
			}
		}
	case *v1alpha1.ClusterDelivery:
		for i := range b.Spec.Resources {
			if b.Spec.Resources[i].Name == resource {
				return b.Spec.Resources[i].TemplateRef.Options
			}
		}
	}
	return nil
}

// match asks for each requirement by itself.
func match(of string, a *asked, o *owner.Owner) Match {
	m := Match{Of: of}
	for _, key := range slices.Sorted(maps.Keys(a.labels)) {
		value := a.labels[key]
		m.ask(selector.Compile(map[string]string{key: value}, nil, nil), o, fmt.Sprintf("label %s is %s, not %s", key, said(o.Labels, key), value))
	}
	for _, e := range a.exprs {
		m.ask(selector.Compile(nil, []metav1.LabelSelectorRequirement{e}, nil), o,
			fmt.Sprintf("label %s is %s: %s", e.Key, said(o.Labels, e.Key), requirement(string(e.Operator), e.Values)))
	}
	for _, f := range a.fields {
		m.ask(selector.Compile(nil, nil, []v1alpha1.FieldSelectorRequirement{f}), o, fmt.Sprintf("field %s: %s", f.Key, requirement(string(f.Operator), f.Values)))
	}
	return m
}

func (m *Match) ask(s *selector.Selector, o *owner.Owner, otherwise string) {
	m.Asked++
	ok, err := s.Matches(o.Labels, o.Object)
	switch {
	case err != nil:
		m.Unmet = append(m.Unmet, err.Error())
	case ok:
		m.Met++
	default:
		m.Unmet = append(m.Unmet, otherwise)
	}
}

func said(labels map[string]string, key string) string {
	if value, ok := labels[key]; ok {
		return fmt.Sprintf("%q", value)
	}
	return "not set"
}

func requirement(operator string, values []string) string {
	if len(values) == 0 {
		return operator + " is not met"
	}
	return fmt.Sprintf("%s [%s] is not met", operator, strings.Join(values, ", "))
}

func sortMatches(m []Match) {
	slices.SortStableFunc(m, func(a, b Match) int { return closeness(b) - closeness(a) })
}

func closeness(m Match) int {
	if m.Matches() {
		return 1000 + m.Asked
	}
	return m.Met - m.Asked
}
