// SPDX-License-Identifier: Apache-2.0

package suite

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/paper"
)

// mockLabels are those that a template without a chain is known by in cartotest.
var mockLabels = []string{
	v1alpha1.WorkloadNameLabel, v1alpha1.WorkloadNamespaceLabel, v1alpha1.DeliverableNameLabel, v1alpha1.DeliverableNamespaceLabel,
	v1alpha1.TemplateKindLabel, v1alpha1.ClusterTemplateLabel,
}

// differ says how an object differs from the expected one, as lines of YAML;
// nothing if it does not.
func (c *Case) differ(want, got *unstructured.Unstructured) (string, error) {
	for _, name := range c.compare.Options {
		if !slices.Contains(knownOptions, name) {
			return "", fmt.Errorf("there is no comparison %q in namedCMPOptionFuncs; there is %s", name, strings.Join(knownOptions, ", "))
		}
	}
	want, got = want.DeepCopy(), got.DeepCopy()
	if c.chain == nil && c.runnable == "" {
		onlyMockLabels(got)
	}
	lenient(want, got)
	for _, u := range []*unstructured.Unstructured{want, got} {
		c.forget(u)
	}
	if reflect.DeepEqual(numbers(want.Object), numbers(got.Object)) {
		return "", nil
	}
	return paper.Diff(want.Object, got.Object), nil
}

func onlyMockLabels(u *unstructured.Unstructured) {
	labels := u.GetLabels()
	maps.DeleteFunc(labels, func(k, _ string) bool { return strings.HasPrefix(k, "carto.run/") && !slices.Contains(mockLabels, k) })
	u.SetLabels(labels)
}

// lenient lets stand what Cartographer did otherwise: it left the template's
// name out of the labels when there were options, and let the API server
// complete a generated name.
func lenient(want, got *unstructured.Unstructured) {
	labels := got.GetLabels()
	if name, said := want.GetLabels()[v1alpha1.ClusterTemplateLabel]; said && name == "" && labels != nil {
		labels[v1alpha1.ClusterTemplateLabel] = ""
		got.SetLabels(labels)
	}
	if prefix := want.GetGenerateName(); prefix != "" && want.GetName() == "" && strings.HasPrefix(got.GetName(), prefix) {
		got.SetGenerateName(prefix)
		unstructured.RemoveNestedField(got.Object, "metadata", "name")
	}
}

// forget takes away what the case does not compare.
func (c *Case) forget(u *unstructured.Unstructured) {
	delete(u.Object, "status")
	yes := func(b *bool) bool { return b != nil && *b }
	drop := slices.Clone(c.compare.IgnoreFields)
	if yes(c.compare.IgnoreOwnerRefs) {
		drop = append(drop, "ownerReferences")
	}
	if yes(c.compare.IgnoreLabels) {
		drop = append(drop, "labels")
	}
	for _, field := range drop {
		unstructured.RemoveNestedField(u.Object, "metadata", field)
	}
	if yes(c.compare.IgnoreMetadata) {
		delete(u.Object, "metadata")
	}
}

// numbers makes all numbers alike: 1 is 1.0.
func numbers(v any) any {
	switch x := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(x))
		for k, e := range x {
			out[k] = numbers(e)
		}
		return out
	case []any:
		out := make([]any, len(x))
		for i, e := range x {
			out[i] = numbers(e)
		}
		return out
	case int64:
		return float64(x)
	case json.Number:
		f, _ := x.Float64() // what is no number is not equal to one
		return f
	}
	return v
}
