// SPDX-License-Identifier: Apache-2.0

package render

import (
	"errors"
	"maps"

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
