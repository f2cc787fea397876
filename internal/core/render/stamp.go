// SPDX-License-Identifier: Apache-2.0

package render

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Marks are what every stamped object carries of the one who owns it.
type Marks struct {
	Namespace string
	Labels    map[string]string
	Owner     metav1.OwnerReference
}

// Stamp gives a rendered object its namespace, the marks of its owner and
// nothing else. A template has no say in whose the object is.
func Stamp(object map[string]any, m Marks) (*unstructured.Unstructured, error) {
	u := &unstructured.Unstructured{Object: copyOf(object)}
	if u.GetAPIVersion() == "" || u.GetKind() == "" {
		return nil, errors.New("rendered object has no apiVersion or no kind")
	}
	if _, ok := u.Object["metadata"].(map[string]any); !ok {
		u.Object["metadata"] = map[string]any{}
	}
	if ns := u.GetNamespace(); ns != "" && ns != m.Namespace {
		return nil, errors.New("cannot set namespace in resource template")
	}
	for _, field := range []string{"labels", "annotations"} {
		if err := textual(u, field); err != nil {
			return nil, err
		}
	}
	u.SetNamespace(m.Namespace)
	u.SetOwnerReferences([]metav1.OwnerReference{m.Owner})
	labels := u.GetLabels()
	if labels == nil {
		labels = make(map[string]string, len(m.Labels))
	}
	maps.Copy(labels, m.Labels)
	u.SetLabels(labels)
	return u, nil
}

// textual refuses labels and annotations that are not text: they can't be
// stored, and reading them as text would lose all the others without a word.
func textual(u *unstructured.Unstructured, field string) error {
	value, _, err := unstructured.NestedFieldNoCopy(u.Object, "metadata", field)
	if err != nil || value == nil {
		return err
	}
	entries, ok := value.(map[string]any)
	if !ok {
		return fmt.Errorf("metadata.%s is no map", field)
	}
	for _, key := range slices.Sorted(maps.Keys(entries)) {
		if _, ok := entries[key].(string); !ok {
			return fmt.Errorf("metadata.%s [%s] is not text", field, key)
		}
	}
	return nil
}
