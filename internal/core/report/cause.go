// SPDX-License-Identifier: Apache-2.0

package report

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/cause"
	"rhumb.run/rhumb/internal/core/owner"
	"rhumb.run/rhumb/internal/core/realize"
	"rhumb.run/rhumb/internal/core/runnable"
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

// RunEvidence is what a walk and its status tell of why a runnable is not ready.
func RunEvidence(r *runnable.Runnable, f runnable.Facts, status v1alpha1.RunnableStatus) cause.Evidence {
	e := cause.Evidence{
		Owner: r.Kind, Namespace: r.Namespace, Name: r.Name, Account: r.Account(),
		Ready: conditionStatus(v1alpha1.RunnableReady, status.Conditions), Err: f.IdentityErr,
	}
	desired := f.Desired
	if f.Run.Object != nil {
		// What was refused may have been about another run: the end of an old one, another attempt.
		desired = nil
	}
	if e.Err == nil {
		e.Steps = []cause.Step{{
			Template: r.Template.Kind + " " + r.Template.Name, Err: f.Err, Desired: desired, Live: f.Run.Object,
			Healthy: conditionStatus(v1alpha1.StampedObjectCondition, status.Conditions), Looked: f.Looked,
		}}
	}
	return e
}

// was is what the status before said.
type was struct {
	cause      string
	conditions []metav1.Condition
}

// because words the cause. Until somebody has looked below the failing
// objects, the sentence of a status that says the same otherwise stays: a
// restart finds nothing to write.
func because(e cause.Evidence, looked bool, before was, after []metav1.Condition) string {
	if before.cause != "" && !looked && len(cause.Wanted(e)) > 0 && sameReady(before.conditions, after) {
		return before.cause
	}
	return cause.Of(e).Sentence(before.cause)
}

func sameReady(before, after []metav1.Condition) bool {
	b, a := find(v1alpha1.OwnerReady, before), find(v1alpha1.OwnerReady, after)
	return b != nil && a != nil && b.Status == a.Status && b.Reason == a.Reason && b.Message == a.Message
}
