// SPDX-License-Identifier: Apache-2.0

package owner

import (
	"context"
	"errors"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/record"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/report"
	"rhumb.run/rhumb/internal/fault"
	"rhumb.run/rhumb/internal/loop"
)

// desk is a reconciler that can only save, and a clock to turn.
type desk struct {
	*Reconciler
	workload *v1alpha1.Workload
	writes   int
	before   func() // happens just before a status write
	clock    time.Time
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	d := &desk{clock: time.Unix(1000, 0), workload: &v1alpha1.Workload{ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: "x", UID: "u"}}}
	c := fake.NewClientBuilder().WithScheme(scheme).WithObjects(d.workload).WithStatusSubresource(d.workload).
		WithInterceptorFuncs(interceptor.Funcs{SubResourceUpdate: func(ctx context.Context, c client.Client, sub string, o client.Object, opts ...client.SubResourceUpdateOption) error {
			d.writes++
			if d.before != nil {
				d.before()
			}
			return c.SubResource(sub).Update(ctx, o, opts...)
		}}).Build()
	d.Reconciler = &Reconciler{
		kind: Workloads(), client: c, statuses: loop.NewStatuses[written](), queue: loop.NewQueue(),
		events: loop.EventsTo(record.NewFakeRecorder(100)), now: func() time.Time { return d.clock },
	}
	return d
}

func status(ready metav1.ConditionStatus, message string) v1alpha1.OwnerStatus {
	return v1alpha1.OwnerStatus{Conditions: []metav1.Condition{{
		Type: v1alpha1.Ready, Status: ready, Reason: "R", Message: message,
		LastTransitionTime: metav1.NewTime(time.Unix(1, 0)),
	}}}
}

// save tells the desk of a status and returns how long it wants to wait.
func (d *desk) saves(t *testing.T, s v1alpha1.OwnerStatus, err error) time.Duration {
	t.Helper()
	if getErr := d.client.Get(t.Context(), client.ObjectKeyFromObject(d.workload), d.workload); getErr != nil {
		t.Fatal(getErr)
	}
	o := d.kind.View(d.workload)
	if newer, ok := d.statuses.Newer(d.workload); ok {
		o.Status, o.Blueprint = newer.status, newer.blueprint
	}
	wait, saveErr := d.save(t.Context(), d.workload, &o, outcome{blueprint: "chain", status: s, facts: report.Facts{IdentityErr: err}})
	if saveErr != nil {
		t.Fatal(saveErr)
	}
	return wait
}

func TestStatusInMotionIsOneWrite(t *testing.T) {
	d := newDesk(t)
	for _, message := range []string{"hop one", "hop two", "hop three"} {
		if wait := d.saves(t, status(metav1.ConditionUnknown, message), nil); wait == 0 {
			t.Fatalf("%s: nothing says when to look again", message)
		}
		d.clock = d.clock.Add(loop.Calm / 10)
	}
	if d.writes != 0 {
		t.Fatalf("%d writes while in motion", d.writes)
	}
	d.saves(t, status(metav1.ConditionTrue, ""), nil)
	if d.writes != 1 {
		t.Errorf("%d writes, want the one when it became ready", d.writes)
	}
	d.saves(t, status(metav1.ConditionTrue, ""), nil)
	if d.writes != 1 {
		t.Errorf("%d writes, a status that says the same was written again", d.writes)
	}
}

func TestStatusThatRestsInWaitingIsWritten(t *testing.T) {
	d := newDesk(t)
	d.saves(t, status(metav1.ConditionUnknown, "waiting"), nil)
	d.clock = d.clock.Add(loop.Calm)
	d.saves(t, status(metav1.ConditionUnknown, "waiting"), nil)
	if d.writes != 1 {
		t.Errorf("%d writes after the calm, want 1", d.writes)
	}
}

func TestWhatAPersonMustMendIsWrittenAtOnce(t *testing.T) {
	d := newDesk(t)
	d.saves(t, status(metav1.ConditionFalse, "no such account"), fault.Rejectf("ServiceAccountError", "no such account"))
	if d.writes != 1 {
		t.Errorf("%d writes, want 1", d.writes)
	}
}

func TestPassingFailureIsHeldBack(t *testing.T) {
	d := newDesk(t)
	d.saves(t, status(metav1.ConditionFalse, "connection refused"), errors.New("connection refused"))
	if d.writes != 0 {
		t.Error("a failure that the next try may mend was written at once")
	}
}

func TestStatusNeverOverwritesWhatItDidNotSee(t *testing.T) {
	d := newDesk(t)
	d.before = func() {
		d.before = nil
		other := d.workload.DeepCopy()
		other.Labels = map[string]string{"by": "a user"}
		if err := d.client.Update(t.Context(), other); err != nil {
			t.Fatal(err)
		}
	}
	if wait := d.saves(t, status(metav1.ConditionTrue, ""), nil); wait != loop.Lag {
		t.Errorf("wait = %s, want to look again after %s", wait, loop.Lag)
	}
	if wait := d.saves(t, status(metav1.ConditionTrue, ""), nil); wait != 0 || readiness(d.kind.View(d.get(t)).Status) != metav1.ConditionTrue {
		t.Error("the second try, with the owner as it is now, did not get through")
	}
}

func TestStatusIsReplacedWhole(t *testing.T) {
	d := newDesk(t)
	full := status(metav1.ConditionTrue, "")
	full.Orphans = []v1alpha1.StampedRef{{Resource: "configmaps"}}
	full.Resources = []v1alpha1.ResourceStatus{{RealizedResource: v1alpha1.RealizedResource{Name: "x"}}}
	d.saves(t, full, nil)
	d.saves(t, status(metav1.ConditionFalse, "mend it"), fault.Rejectf("X", "mend it"))
	got := d.get(t).Status
	if len(got.Orphans) != 0 || len(got.Resources) != 0 {
		t.Errorf("what is no more stayed: %+v", got)
	}
	if got.SupplyChainRef.Name != "chain" || got.SupplyChainRef.Kind != "ClusterSupplyChain" {
		t.Errorf("supplyChainRef = %+v", got.SupplyChainRef)
	}
}

func (d *desk) get(t *testing.T) *v1alpha1.Workload {
	t.Helper()
	w := &v1alpha1.Workload{}
	if err := d.client.Get(t.Context(), client.ObjectKeyFromObject(d.workload), w); err != nil {
		t.Fatal(err)
	}
	return w
}
