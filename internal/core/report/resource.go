// SPDX-License-Identifier: Apache-2.0

package report

import (
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/health"
	"rhumb.run/rhumb/internal/core/output"
	"rhumb.run/rhumb/internal/core/realize"
	"rhumb.run/rhumb/internal/fault"
)

// resource is one entry of status.resources. A step that failed before it had
// an object keeps what was known of the one it stamped before.
func resource(before *v1alpha1.ResourceStatus, r *realize.Realized, now time.Time) v1alpha1.ResourceStatus {
	after := v1alpha1.ResourceStatus{RealizedResource: v1alpha1.RealizedResource{Name: r.Name, Inputs: inputs(r)}}
	var old []metav1.Condition
	if before != nil {
		old = before.Conditions
	}
	var conditions []metav1.Condition
	switch {
	case r.PassThrough != "":
		after.Outputs = outputs(before, r.Output, now)
		conditions = []metav1.Condition{stepSubmitted(r, nil)}
	case r.Live.Object == nil:
		conditions = unstamped(&after, before, r)
	default:
		ref := Ref(r.Live.Object, r.Live.Resource)
		after.StampedRef, after.TemplateRef = &ref, templateRef(r)
		after.Outputs = outputs(before, r.Output, now)
		record := r.Record
		after.Record = &record
		h := health.Of(r.Template.HealthRule, health.Seen{Live: r.Live.Object, Yields: r.Template.Yields(), Output: r.Output != nil})
		h = condition(h.Type, h.Status, h.Reason, h.Message)
		conditions = []metav1.Condition{stepSubmitted(r, &h), h}
	}
	after.Conditions = since(now, old, withReady(conditions))
	return after
}

// unstamped carries over what the last status knew.
func unstamped(after, before *v1alpha1.ResourceStatus, r *realize.Realized) []metav1.Condition {
	conditions := []metav1.Condition{stepSubmitted(r, nil)}
	if before == nil || before.StampedRef == nil || identity(*before.StampedRef) == "" {
		if r.Template != nil {
			after.TemplateRef = templateRef(r)
		}
		return conditions
	}
	after.RealizedResource, after.Record = before.RealizedResource, before.Record
	if h := find(v1alpha1.ResourceHealthy, before.Conditions); h != nil {
		conditions = append(conditions, condition(h.Type, h.Status, h.Reason, h.Message))
	}
	return conditions
}

func stepSubmitted(r *realize.Realized, h *metav1.Condition) metav1.Condition {
	switch {
	case r.Err == nil && r.PassThrough != "":
		return condition(v1alpha1.ResourceSubmitted, metav1.ConditionTrue, v1alpha1.PassThroughReason, "")
	case r.Err == nil:
		return condition(v1alpha1.ResourceSubmitted, metav1.ConditionTrue, v1alpha1.CompleteResourcesSubmittedReason, "")
	}
	c := ofError(v1alpha1.ResourceSubmitted, r.Err, v1alpha1.UnknownErrorResourcesSubmittedReason)
	var missing *output.MissingError
	if class, _ := fault.Of(r.Err); class == fault.Wait && errors.As(r.Err, &missing) {
		c.Message = tidyMessage(missingMessage(r, missing, h))
	}
	return c
}

// missingMessage says what is awaited, in words that fit the object's health.
func missingMessage(r *realize.Realized, missing *output.MissingError, h *metav1.Condition) string {
	object := fmt.Sprintf("object [%s/%s] in namespace [%s]", r.Live.Resource, r.Live.Object.GetName(), r.Live.Object.GetNamespace())
	switch {
	case h == nil || missing.Unobserved || h.Status == metav1.ConditionUnknown:
		return fmt.Sprintf("waiting to read value [%s] from %s", missing.Path, object)
	case h.Status == metav1.ConditionTrue:
		return fmt.Sprintf("cannot read value [%s] from healthy %s, contact Platform Eng", missing.Path, object)
	}
	return fmt.Sprintf("cannot read value [%s] from unhealthy %s, examine object, particularly whether it is receiving proper inputs", missing.Path, object)
}

// Ref names a live object; resource is what kubectl calls its type.
func Ref(live *unstructured.Unstructured, resource string) v1alpha1.StampedRef {
	return v1alpha1.StampedRef{
		ObjectReference: &corev1.ObjectReference{
			APIVersion: live.GetAPIVersion(),
			Kind:       live.GetKind(),
			Namespace:  live.GetNamespace(),
			Name:       live.GetName(),
		},
		Resource: resource,
	}
}

func templateRef(r *realize.Realized) *corev1.ObjectReference {
	return &corev1.ObjectReference{APIVersion: v1alpha1.SchemeGroupVersion.String(), Kind: r.Template.Kind, Name: r.Template.Name}
}

func inputs(r *realize.Realized) []v1alpha1.Input {
	var out []v1alpha1.Input
	for _, ref := range r.Inputs() {
		out = append(out, v1alpha1.Input{Name: ref.Resource})
	}
	return out
}

// outputs are dated by their digest: the same value keeps its time.
func outputs(before *v1alpha1.ResourceStatus, out output.Output, now time.Time) []v1alpha1.Output {
	var shown []v1alpha1.Output
	for _, s := range out.Show() {
		o := v1alpha1.Output{Name: s.Name, Preview: s.Preview, Digest: s.Digest, LastTransitionTime: metav1.NewTime(now.Truncate(time.Second))}
		if before != nil {
			for _, b := range before.Outputs {
				if b.Name == o.Name && b.Digest == o.Digest {
					o.LastTransitionTime = b.LastTransitionTime
				}
			}
		}
		shown = append(shown, o)
	}
	return shown
}
