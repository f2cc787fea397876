// SPDX-License-Identifier: Apache-2.0

package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/runnable"
)

// Runnable is the status of a Runnable or a Pipeline. Outputs that could not be
// looked for stay as they were: an error that passes must not stop those who
// read them.
func Runnable(r *runnable.Runnable, f runnable.Facts, now time.Time) v1alpha1.RunnableStatus {
	after := v1alpha1.RunnableStatus{ObservedGeneration: r.Generation, Outputs: r.Status.Outputs}
	if read := runOutputs(f.Outputs); f.Read && !SameOutputs(r.Status.Outputs, read) {
		after.Outputs = read
	}
	conditions := []metav1.Condition{runTemplateReady(errors.Join(f.IdentityErr, f.Err))}
	if f.IdentityErr == nil && !r.AnyRun {
		went := stampedObject(f.Run.Object)
		went.Message = f.Hide(went.Message)
		conditions = append(conditions, went)
	}
	after.Conditions = since(now, r.Status.Conditions, withReady(conditions))
	after.Cause = f.Hide(because(RunEvidence(r, f, after), f.Looked != nil, was{r.Status.Cause, r.Status.Conditions}, after.Conditions))
	return after
}

func runTemplateReady(err error) metav1.Condition {
	if err == nil {
		return condition(v1alpha1.RunTemplateReady, metav1.ConditionTrue, v1alpha1.ReadyRunTemplateReason, "")
	}
	c := ofError(v1alpha1.RunTemplateReady, err, v1alpha1.UnknownErrorRunTemplateReason)
	if c.Reason == v1alpha1.ResourceRealizerBuilderErrorResourcesSubmittedReason {
		c.Reason = v1alpha1.ClientBuilderErrorRunTemplateReason
	}
	return c
}

// stampedObject tells how the run of what is wanted went.
func stampedObject(run *unstructured.Unstructured) metav1.Condition {
	if run != nil {
		if c, says := runnable.Succeeded(run); says {
			return condition(v1alpha1.StampedObjectCondition, c.Status, v1alpha1.SucceededStampedObjectConditionReason, c.Message)
		}
	}
	return condition(v1alpha1.StampedObjectCondition, metav1.ConditionUnknown, v1alpha1.UnknownStampedObjectConditionReason, "")
}

func runOutputs(values map[string]any) map[string]v1alpha1.JSON {
	if len(values) == 0 {
		return nil
	}
	out := make(map[string]v1alpha1.JSON, len(values))
	for name, value := range values {
		raw, err := json.Marshal(value)
		if err != nil {
			// Values read from an object are plain JSON, which always encodes.
			panic("encoding output: " + err.Error())
		}
		out[name] = v1alpha1.JSON{Raw: raw}
	}
	return out
}

// NotWatched is the reason of the event that says that a selected object will be read again now and then only.
const NotWatched = "SelectedObjectNotWatched"

// RunWritten are the events of the runs that a walk made and ended.
func RunWritten(f runnable.Facts) []Event {
	var out []Event
	tell := func(reason, verb string, run *unstructured.Unstructured) {
		out = append(out, Event{reason, fmt.Sprintf("%s object [%s/%s]", verb, f.Run.Resource, run.GetName())})
	}
	if f.Created {
		tell(ObjectApplied, "Created", f.Run.Object)
	}
	for _, run := range f.Cancelled {
		tell(ObjectApplied, "Patched", run)
	}
	for _, run := range f.Removed {
		tell(ObjectRemoved, "Deleted", run)
	}
	return out
}

// RunChanges are the events that tell two statuses apart.
func RunChanges(r *runnable.Runnable, f runnable.Facts, after v1alpha1.RunnableStatus) []Event {
	var out []Event
	if f.Read && !SameOutputs(r.Status.Outputs, after.Outputs) {
		out = append(out, Event{OutputChanged, fmt.Sprintf("%s [%s] found a new output in [%s/%s]", r.Kind, r.Name, f.Run.Resource, f.Source.GetName())})
	}
	if f.Unwatched != nil && r.Status.ObservedGeneration != after.ObservedGeneration {
		out = append(out, Event{NotWatched, f.Unwatched.Error()})
	}
	return out
}

// SameOutputs tells whether two statuses yield the same, whatever the spelling of the values.
func SameOutputs(before, after map[string]v1alpha1.JSON) bool {
	if len(before) != len(after) {
		return false
	}
	for name, value := range after {
		old, ok := before[name]
		if !ok || !equality.Semantic.DeepEqual(decode(old), decode(value)) {
			return false
		}
	}
	return true
}

func decode(value v1alpha1.JSON) any {
	var out any
	if err := json.Unmarshal(value.Raw, &out); err != nil {
		return nil
	}
	return out
}
