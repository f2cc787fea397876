// SPDX-License-Identifier: Apache-2.0

package owner

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/owner"
	"rhumb.run/rhumb/internal/core/report"
	"rhumb.run/rhumb/internal/fault"
	"rhumb.run/rhumb/internal/loop"
)

// written is what a status write told people.
type written struct {
	status    v1alpha1.OwnerStatus
	blueprint string
}

// save writes the status if it changed, and says what happened. A status in
// motion is not written yet; wait is when to look again.
func (r *Reconciler) save(ctx context.Context, object client.Object, o *owner.Owner, d outcome) (wait time.Duration, err error) {
	r.events.Record(object, append(report.Written(d.facts.Realized), d.removed...)...)
	if d.blueprint == o.Blueprint && equality.Semantic.DeepEqual(o.Status, d.status) {
		r.statuses.Settled(object)
		return 0, nil
	}
	if !urgent(o.Status, d) {
		if wait := r.statuses.Hold(object, r.now(), r.queue.Busy()); wait > 0 {
			return wait, nil
		}
	}
	answer := r.kind.WithStatus(object, d.status, d.blueprint)
	answer.SetResourceVersion(r.statuses.Version(object))
	err = r.client.Status().Update(ctx, answer, client.FieldValidation(metav1.FieldValidationIgnore))
	if apierrors.IsConflict(err) {
		// Somebody changed the owner meanwhile: the watch is about to show it.
		return loop.Lag, nil
	}
	if apierrors.IsNotFound(err) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("writing status: %w", err)
	}
	r.statuses.Wrote(answer, written{d.status, d.blueprint})
	r.events.Record(object, report.Changes(o.Status, d.status)...)
	return 0, nil
}

// urgent is a status that someone is waiting for: it became ready, or it
// failed in a way that only a person can mend, or objects were removed.
func urgent(before v1alpha1.OwnerStatus, d outcome) bool {
	if len(d.removed) > 0 {
		return true
	}
	was, is := readiness(before), readiness(d.status)
	class, _ := fault.Of(d.err())
	return was != is && is != metav1.ConditionUnknown && class != fault.Retry
}

func readiness(s v1alpha1.OwnerStatus) metav1.ConditionStatus {
	for _, c := range s.Conditions {
		if c.Type == v1alpha1.OwnerReady {
			return c.Status
		}
	}
	return ""
}
