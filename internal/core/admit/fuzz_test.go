// SPDX-License-Identifier: Apache-2.0

package admit_test

import (
	"encoding/json"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/admit"
	"rhumb.run/rhumb/internal/core/selector"
)

// Whatever a selector says, it is judged; and one that is let in can be asked.
func FuzzSelector(f *testing.F) {
	for _, key := range []string{"spec.params[?(", "spec.params[?(@.name==\"x\")].value", "metadata{range .x}", "spec.env[-1:0:0]", "metadata.labels['a\\.b']", "spec.params[*]..x", "metadata}{.a"} {
		f.Add(key, "Exists", "app", "In", "web")
	}
	f.Fuzz(func(t *testing.T, field, fieldOperator, label, operator, value string) {
		fields := []v1alpha1.FieldSelectorRequirement{{Key: field, Operator: v1alpha1.FieldSelectorOperator(fieldOperator), Values: []string{value}}}
		exprs := []metav1.LabelSelectorRequirement{{Key: label, Operator: metav1.LabelSelectorOperator(operator), Values: []string{value}}}
		chain := &v1alpha1.ClusterSupplyChain{}
		chain.Spec.Resources = []v1alpha1.SupplyChainResource{}
		chain.Spec.LegacySelector = v1alpha1.LegacySelector{
			Selector: map[string]string{label: value}, SelectorMatchExpressions: exprs, SelectorMatchFields: fields,
		}
		if _, refused := admit.Refusal(admit.SupplyChain(chain)); refused {
			return
		}
		owner := map[string]any{"spec": map[string]any{"params": []any{map[string]any{"name": "x", "value": "y"}}}, "metadata": map[string]any{}}
		_, _ = selector.Compile(chain.Spec.Selector, exprs, fields).Matches(map[string]string{label: value}, owner)
	})
}

// Whatever a template says, it is judged.
func FuzzTemplate(f *testing.F) {
	f.Add(`{"kind":"A","spec":{"a":"$(x[?(@.a)$"}}`, ".status[", ".a")
	f.Add(`{"kind":"A","metadata":null}`, "", "{range .a}")
	f.Add(`[`, "$", "{.a}{.b}")
	f.Fuzz(func(_ *testing.T, object, expr, message string) {
		raw := &runtime.RawExtension{Raw: []byte(object)}
		match := v1alpha1.HealthMatchRule{MatchFields: []v1alpha1.HealthMatchFieldSelectorRequirement{{
			FieldSelectorRequirement: v1alpha1.FieldSelectorRequirement{Key: expr}, MessagePath: message,
		}}}
		t := &v1alpha1.ClusterImageTemplate{}
		t.Spec.Template, t.Spec.ImagePath = raw, expr
		t.Spec.HealthRule = &v1alpha1.HealthRule{MultiMatch: &v1alpha1.MultiMatchHealthRule{Healthy: match, Unhealthy: match}}
		admit.ImageTemplate(t)
		run := &v1alpha1.ClusterRunTemplate{}
		if json.Valid(raw.Raw) {
			run.Spec.Template.Raw = raw.Raw
		}
		run.Spec.Outputs = map[string]string{message: expr}
		admit.RunTemplate(run)
	})
}
