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
)

// A status that is still in motion is held back for calm, so that a burst of
// hops is one write, and for as long as patience while owners are queueing for
// their turn. What people wait for is written at once.
const (
	calm     = 500 * time.Millisecond
	patience = 5 * time.Second
	// lag is how long the watch may take to show what the API server has.
	lag = 50 * time.Millisecond
)

// save writes the status if it changed, and says what happened. A status in
// motion is not written yet; wait is when to look again.
func (r *Reconciler) save(ctx context.Context, object client.Object, o *owner.Owner, d outcome) (wait time.Duration, err error) {
	r.events.Record(object, append(report.Written(d.facts.Realized), d.removed...)...)
	if d.blueprint == o.Blueprint && equality.Semantic.DeepEqual(o.Status, d.status) {
		r.statuses.settled(object)
		return 0, nil
	}
	if !urgent(o.Status, d) {
		if held := r.now().Sub(r.statuses.since(object, r.now())); held < calm || held < patience && r.queue.busy() {
			// Twice as long each time: looking again is work too.
			return max(calm, held), nil
		}
	}
	answer := r.kind.WithStatus(object, d.status, d.blueprint)
	answer.SetResourceVersion(r.statuses.version(object))
	err = r.client.Status().Update(ctx, answer, client.FieldValidation(metav1.FieldValidationIgnore))
	if apierrors.IsConflict(err) {
		// Somebody changed the owner meanwhile: the watch is about to show it.
		return lag, nil
	}
	if apierrors.IsNotFound(err) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("writing status: %w", err)
	}
	r.statuses.wrote(answer, d.status, d.blueprint)
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
