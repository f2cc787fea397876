// SPDX-License-Identifier: Apache-2.0

package report

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/cause"
	"rhumb.run/rhumb/internal/core/owner"
	"rhumb.run/rhumb/internal/core/realize"
)

// Facts are what a walk found out about an owner.
type Facts struct {
	// BlueprintErr says why no blueprint could be followed.
	BlueprintErr error
	// IdentityErr says why nobody could act for the owner.
	IdentityErr error
	// Blueprint is the name of the blueprint that is followed, Account who acts for the owner.
	Blueprint string
	Account   types.NamespacedName
	// Walked is true if the plan was walked; Realized is then what became of it.
	Walked   bool
	Realized []realize.Realized
	// Orphans could not be deleted yet.
	Orphans []v1alpha1.StampedRef
	// Looked is what was found below the objects of steps that are not well, by step; nil if nobody looked yet.
	Looked map[string]*cause.Node
}

// Status is the owner's new status. Where the walk did not get as far as the
// resources, their last known state stays.
func Status(o *owner.Owner, f Facts, now time.Time) v1alpha1.OwnerStatus {
	before := o.Status
	after := v1alpha1.OwnerStatus{ObservedGeneration: o.Generation, Resources: before.Resources, Orphans: before.Orphans}
	conditions := []metav1.Condition{blueprintCondition(o, f.BlueprintErr)}
	switch {
	case f.BlueprintErr != nil:
	case f.IdentityErr != nil:
		conditions = append(conditions, ofError(v1alpha1.OwnerResourcesSubmitted, f.IdentityErr, v1alpha1.ServiceAccountErrorResourcesSubmittedReason))
	case f.Walked:
		after.Resources = resources(before.Resources, f.Realized, now)
		after.Orphans = f.Orphans
		conditions = append(conditions, submitted(f.Realized, after.Resources), healthy(after.Resources))
	}
	after.Conditions = since(now, before.Conditions, withReady(conditions))
	after.Cause = because(Evidence(o, f, after), f.Looked != nil, was{o.Status.Cause, o.Status.Conditions}, after.Conditions)
	return after
}

func blueprintCondition(o *owner.Owner, err error) metav1.Condition {
	if err == nil {
		return condition(o.BlueprintReady, metav1.ConditionTrue, v1alpha1.Ready, "")
	}
	return ofError(o.BlueprintReady, err, v1alpha1.UnknownErrorResourcesSubmittedReason)
}

// submitted quotes the first step that failed, in the order of the walk: the
// producer rather than those who wait for it.
func submitted(did []realize.Realized, shown []v1alpha1.ResourceStatus) metav1.Condition {
	for i := range did {
		if did[i].Err == nil {
			continue
		}
		own := find(v1alpha1.ResourceSubmitted, shown[did[i].Index].Conditions)
		return condition(v1alpha1.OwnerResourcesSubmitted, own.Status, own.Reason, own.Message)
	}
	return condition(v1alpha1.OwnerResourcesSubmitted, metav1.ConditionTrue, v1alpha1.CompleteResourcesSubmittedReason, "")
}

// healthy is False if any resource is (the last one speaks), else Unknown if
// any is (the first one speaks).
func healthy(shown []v1alpha1.ResourceStatus) metav1.Condition {
	out := condition(v1alpha1.OwnerResourcesHealthy, metav1.ConditionTrue, v1alpha1.HealthyConditionRule, "")
	seen := false
	for i := range shown {
		c := find(v1alpha1.ResourceHealthy, shown[i].Conditions)
		if c == nil {
			continue
		}
		seen = true
		if c.Status == metav1.ConditionFalse || c.Status == metav1.ConditionUnknown && out.Status == metav1.ConditionTrue {
			out.Status, out.Message = c.Status, c.Message
		}
	}
	if !seen {
		out.Status = metav1.ConditionUnknown
	}
	return out
}

// resources shows each step where it stands in the blueprint.
func resources(before []v1alpha1.ResourceStatus, did []realize.Realized, now time.Time) []v1alpha1.ResourceStatus {
	out := make([]v1alpha1.ResourceStatus, len(did))
	for i := range did {
		out[did[i].Index] = resource(previous(before, did[i].Name), &did[i], now)
	}
	return out
}

func previous(before []v1alpha1.ResourceStatus, name string) *v1alpha1.ResourceStatus {
	i := slices.IndexFunc(before, func(r v1alpha1.ResourceStatus) bool { return r.Name == name })
	if i < 0 {
		return nil
	}
	return &before[i]
}
