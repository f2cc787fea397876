// SPDX-License-Identifier: Apache-2.0

package owner

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/owner"
	"rhumb.run/rhumb/internal/core/report"
	"rhumb.run/rhumb/internal/fault"
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
	wrote, wait, err := r.statuses.Write(ctx, r.client, r.kind.WithStatus(object, d.status, d.blueprint), written{d.status, d.blueprint})
	if wrote {
		r.events.Record(object, report.Changes(o.Status, d.status)...)
	}
	return wait, err
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
