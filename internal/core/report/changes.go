// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/realize"
)

// The reasons of events.
const (
	ObjectApplied = "StampedObjectApplied"
	ObjectRemoved = "StampedObjectRemoved"
	OutputChanged = "ResourceOutputChanged"
	HealthChanged = "ResourceHealthyStatusChanged"
)

// Event is something that happened to an owner.
type Event struct{ Reason, Message string }

// Written are the events of the objects that a walk wrote.
func Written(did []realize.Realized) []Event {
	var out []Event
	for i := range did {
		verb := ""
		switch did[i].Written {
		case realize.Created:
			verb = "Created"
		case realize.Patched:
			verb = "Patched"
		case realize.Nothing:
			continue
		}
		out = append(out, Event{
			ObjectApplied,
			fmt.Sprintf("%s object [%s/%s]", verb, did[i].Live.Resource, did[i].Live.Object.GetName()),
		})
	}
	return out
}

// Removed is the event of an object that no step stamps any more.
func Removed(ref v1alpha1.StampedRef) Event {
	return Event{ObjectRemoved, fmt.Sprintf("Deleted object [%s/%s]", ref.Resource, ref.Name)}
}

// Changes are the events that tell two statuses apart: outputs that are new
// and health that turned. None if nothing changed.
func Changes(before, after v1alpha1.OwnerStatus) []Event {
	var out []Event
	for i := range after.Resources {
		now := &after.Resources[i]
		was := previous(before.Resources, now.Name)
		if was == nil {
			was = &v1alpha1.ResourceStatus{}
		}
		if !sameOutputs(was.Outputs, now.Outputs) && (now.StampedRef != nil || len(now.Outputs) > 0) {
			out = append(out, Event{OutputChanged, outputMessage(now)})
		}
		if h, turned := turned(was, now); turned {
			out = append(out, Event{
				HealthChanged,
				fmt.Sprintf("[%s] found healthy status in [%s] changed to [%s]", now.Name, objectName(now), h.Status),
			})
		}
	}
	return out
}

func outputMessage(r *v1alpha1.ResourceStatus) string {
	if r.StampedRef == nil {
		return fmt.Sprintf("[%s] passed through a new output", r.Name)
	}
	return fmt.Sprintf("[%s] found a new output in [%s]", r.Name, objectName(r))
}

func objectName(r *v1alpha1.ResourceStatus) string {
	if r.StampedRef == nil || r.StampedRef.ObjectReference == nil {
		return "<nil>"
	}
	return r.StampedRef.Resource + "/" + r.StampedRef.Name
}

func sameOutputs(a, b []v1alpha1.Output) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].Name != b[i].Name || a[i].Digest != b[i].Digest {
			return false
		}
	}
	return true
}

// turned tells whether health changed; that it became known to be unknown is no news.
func turned(was, now *v1alpha1.ResourceStatus) (*metav1.Condition, bool) {
	h := find(v1alpha1.ResourceHealthy, now.Conditions)
	if h == nil {
		return nil, false
	}
	old := find(v1alpha1.ResourceHealthy, was.Conditions)
	if old == nil {
		return h, h.Status != metav1.ConditionUnknown
	}
	return h, old.Status != h.Status
}

// Orphans are the objects that the last status names and the new one does
// not, and those that could not be deleted when they became so. A run of a step
// that has made a newer one is none: it goes by the step's retention policy.
func Orphans(before v1alpha1.OwnerStatus, after []v1alpha1.ResourceStatus, did []realize.Realized) []v1alpha1.StampedRef {
	kept := make(map[string]bool, len(after))
	for i := range after {
		if ref := after[i].StampedRef; ref != nil {
			kept[identity(*ref)] = true
		}
	}
	for i := range did {
		for _, run := range did[i].Runs {
			kept[identity(Ref(run, ""))] = true
		}
	}
	var out []v1alpha1.StampedRef
	add := func(ref v1alpha1.StampedRef) {
		if id := identity(ref); id != "" && !kept[id] {
			kept[id] = true
			out = append(out, ref)
		}
	}
	for _, ref := range before.Orphans {
		add(ref)
	}
	for i := range before.Resources {
		if ref := before.Resources[i].StampedRef; ref != nil {
			add(*ref)
		}
	}
	return out
}

// identity tells objects apart; a record that names none has no identity.
func identity(ref v1alpha1.StampedRef) string {
	if ref.ObjectReference == nil || ref.Kind == "" || ref.Name == "" {
		return ""
	}
	gvk := ref.GroupVersionKind()
	return gvk.Group + "/" + gvk.Kind + "/" + ref.Namespace + "/" + ref.Name
}
