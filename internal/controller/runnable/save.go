// SPDX-License-Identifier: Apache-2.0

package runnable

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/report"
	"rhumb.run/rhumb/internal/core/runnable"
	"rhumb.run/rhumb/internal/fault"
)

// save writes the status if it changed, and says what happened. A status in
// motion is not written yet; wait is when to look again.
func (r *Reconciler) save(ctx context.Context, object client.Object, run *runnable.Runnable, f runnable.Facts, status v1alpha1.RunnableStatus) (wait time.Duration, err error) {
	r.events.Record(object, report.RunWritten(f)...)
	if equality.Semantic.DeepEqual(run.Status, status) {
		r.statuses.Settled(object)
		return 0, nil
	}
	if !urgent(run.Status, status, f) {
		if wait := r.statuses.Hold(object, r.now(), r.queue.Busy()); wait > 0 {
			return wait, nil
		}
	}
	wrote, wait, err := r.statuses.Write(ctx, r.client, r.kind.WithStatus(object, status), status)
	if wrote {
		r.events.Record(object, report.RunChanges(run, f, status)...)
	}
	return wait, err
}

// urgent is a status that someone is waiting for: it has new outputs, or it
// became ready, or it failed in a way that only a person can mend.
func urgent(before, after v1alpha1.RunnableStatus, f runnable.Facts) bool {
	if !report.SameOutputs(before.Outputs, after.Outputs) {
		return true
	}
	was, is := readiness(before), readiness(after)
	class, _ := fault.Of(f.Failure())
	return was != is && is != metav1.ConditionUnknown && class != fault.Retry
}

func readiness(s v1alpha1.RunnableStatus) metav1.ConditionStatus {
	for _, c := range s.Conditions {
		if c.Type == v1alpha1.RunnableReady {
			return c.Status
		}
	}
	return ""
}
