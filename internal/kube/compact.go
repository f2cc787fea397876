// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"unique"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rhumb.run/rhumb/api/carto/v1alpha1"
)

// What is kept of ten thousand owners is mostly the same few words over and
// over: names of fields, labels, kinds, reasons. Decoding makes each of them
// anew; here they become one.

// longest is the length of a text that is worth looking up. Longer ones are
// messages and contents, of which each is its own.
const longest = 80

// one is the text that stands for all equal ones.
func one(text string) string {
	if text == "" || len(text) > longest {
		return text
	}
	return unique.Make(text).Value()
}

// compact shares the texts of plain JSON, in place.
func compact(value any) any {
	switch v := value.(type) {
	case string:
		return one(v)
	case map[string]any:
		for key, e := range v {
			v[one(key)] = compact(e)
		}
	case []any:
		for i, e := range v {
			v[i] = compact(e)
		}
	}
	return value
}

// Compact is a cache transform: it drops what nobody reads and shares the texts
// that objects have in common.
func Compact(o any) (any, error) {
	object, ok := o.(client.Object)
	if !ok {
		return o, nil
	}
	object.SetManagedFields(nil)
	if u, ok := o.(*unstructured.Unstructured); ok {
		dropLastApplied(u)
		compact(u.Object)
		return u, nil
	}
	shareMap(object.GetLabels())
	shareMap(object.GetAnnotations())
	switch owner := o.(type) {
	case *v1alpha1.Workload:
		shareStatus(&owner.Status.OwnerStatus)
	case *v1alpha1.Deliverable:
		shareStatus(&owner.Status.OwnerStatus)
	}
	return o, nil
}

// dropLastApplied is for stamped objects alone: an owner's annotations are what templates see.
func dropLastApplied(u *unstructured.Unstructured) {
	if a := u.GetAnnotations(); a[lastApplied] != "" {
		delete(a, lastApplied)
		u.SetAnnotations(a)
	}
}

const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

func shareMap(m map[string]string) {
	for key, value := range m {
		m[one(key)] = one(value)
	}
}

func shareStatus(s *v1alpha1.OwnerStatus) {
	shareConditions(s.Conditions)
	for i := range s.Resources {
		r := &s.Resources[i]
		r.Name = one(r.Name)
		shareConditions(r.Conditions)
		for j := range r.Inputs {
			r.Inputs[j].Name = one(r.Inputs[j].Name)
		}
		for j := range r.Outputs {
			r.Outputs[j].Name = one(r.Outputs[j].Name)
		}
		if r.StampedRef != nil {
			r.StampedRef.Resource = one(r.StampedRef.Resource)
		}
		if ref := r.StampedRef; ref != nil && ref.ObjectReference != nil {
			ref.APIVersion, ref.Kind, ref.Namespace, ref.Name = one(ref.APIVersion), one(ref.Kind), one(ref.Namespace), one(ref.Name)
		}
		if ref := r.TemplateRef; ref != nil {
			ref.APIVersion, ref.Kind, ref.Name = one(ref.APIVersion), one(ref.Kind), one(ref.Name)
		}
		if r.Record != nil {
			// The digest of what was applied stands on the stamped object too.
			r.Record.TemplateUID = types.UID(one(string(r.Record.TemplateUID)))
			r.Record.AppliedDigest = one(r.Record.AppliedDigest)
		}
	}
}

func shareConditions(conditions []metav1.Condition) {
	for i := range conditions {
		c := &conditions[i]
		c.Type, c.Status, c.Reason, c.Message = one(c.Type), metav1.ConditionStatus(one(string(c.Status))), one(c.Reason), one(c.Message)
	}
}
