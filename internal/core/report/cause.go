// SPDX-License-Identifier: Apache-2.0

package report

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/cause"
	"rhumb.run/rhumb/internal/core/owner"
	"rhumb.run/rhumb/internal/core/realize"
)

// Evidence is what a walk and its status tell of why an owner is not ready.
func Evidence(o *owner.Owner, f Facts, status v1alpha1.OwnerStatus) cause.Evidence {
	e := cause.Evidence{
		Owner: o.Kind, Namespace: o.Namespace, Name: o.Name, Blueprint: o.BlueprintKind + " " + f.Blueprint,
		Account: f.Account, Ready: conditionStatus(v1alpha1.OwnerReady, status.Conditions), Err: f.BlueprintErr,
	}
	if e.Err == nil {
		e.Err = f.IdentityErr
	}
	for i := range f.Realized {
		r := &f.Realized[i]
		s := step(r)
		if r.Index < len(status.Resources) {
			s.Healthy = conditionStatus(v1alpha1.ResourceHealthy, status.Resources[r.Index].Conditions)
		}
		s.Looked = f.Looked[r.Name]
		e.Steps = append(e.Steps, s)
	}
	return e
}

func step(r *realize.Realized) cause.Step {
	s := cause.Step{Name: r.Name, Err: r.Err, Desired: r.Desired, Live: r.Live.Object}
	if r.Chosen.Name != "" {
		s.Template = r.Chosen.Kind + " " + r.Chosen.Name
	}
	for _, ref := range r.Inputs() {
		s.After = append(s.After, ref.Resource)
	}
	return s
}

func conditionStatus(kind string, in []metav1.Condition) metav1.ConditionStatus {
	if c := find(kind, in); c != nil {
		return c.Status
	}
	return ""
}

// because words the cause. Until somebody has looked below the failing
// objects, the sentence of a status that says the same otherwise stays: a
// restart finds nothing to write.
func because(o *owner.Owner, f Facts, after v1alpha1.OwnerStatus) string {
	e := Evidence(o, f, after)
	before := o.Status.Cause
	if before != "" && f.Looked == nil && len(cause.Wanted(e)) > 0 && sameReady(o.Status.Conditions, after.Conditions) {
		return before
	}
	return cause.Of(e).Sentence(before)
}

func sameReady(before, after []metav1.Condition) bool {
	b, a := find(v1alpha1.OwnerReady, before), find(v1alpha1.OwnerReady, after)
	return b != nil && a != nil && b.Status == a.Status && b.Reason == a.Reason && b.Message == a.Message
}
