// SPDX-License-Identifier: Apache-2.0

package loop

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"rhumb.run/rhumb/internal/core/cause"
)

// watcher is an Inquiry in a bubble with a clock of its own, and what it did.
type watcher struct {
	*Inquiry
	looks, news atomic.Int64
	busy        atomic.Bool
	exit        atomic.Int64
}

// inquire runs a test in a bubble; nothing of it outlives the test.
func inquire(t *testing.T, test func(w *watcher)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &watcher{}
		w.exit.Store(1)
		w.Inquiry = NewInquiry(func(_ context.Context, u *unstructured.Unstructured) *cause.Node {
			w.looks.Add(1)
			return w.found(u)
		}, func(reconcile.Request) { w.news.Add(1) }, w.busy.Load)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- w.Start(ctx) }()
		test(w)
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		// The queue's own helpers go when they wake next.
		pass(lookMost)
	})
}

// found is a pod that crashed.
func (w *watcher) found(u *unstructured.Unstructured) *cause.Node {
	pod := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "Pod", "metadata": map[string]any{"name": "p", "namespace": "a"},
		"spec": map[string]any{"containers": []any{map[string]any{"name": "web"}}},
		"status": map[string]any{"phase": "Running", "containerStatuses": []any{map[string]any{
			"name": "web", "state": map[string]any{"running": map[string]any{}},
			"lastState": map[string]any{"terminated": map[string]any{"exitCode": w.exit.Load()}},
		}}},
	}}
	return &cause.Node{Object: u, Below: []*cause.Node{{Object: pod}}}
}

func evidence(version string, healthy metav1.ConditionStatus) cause.Evidence {
	u := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "apps/v1", "kind": "Deployment", "status": map[string]any{"readyReplicas": int64(1)}}}
	u.SetName("web")
	u.SetNamespace("a")
	u.SetUID(types.UID("u"))
	u.SetResourceVersion(version)
	return cause.Evidence{Owner: "Workload", Name: "app", Namespace: "a", Ready: healthy, Steps: []cause.Step{{Name: "deploy", Live: u, Healthy: healthy}}}
}

// consider does what a reconcile does.
func (w *watcher) consider(key reconcile.Request, e cause.Evidence) string {
	for i := range e.Steps {
		e.Steps[i].Looked = w.Found(key)[e.Steps[i].Name]
	}
	s := cause.Of(e).Sentence("")
	w.Consider(key, e, s)
	return s
}

var one = reconcile.Request{NamespacedName: types.NamespacedName{Namespace: "a", Name: "app"}}

// pass lets the bubble's clock, which costs no time, go on by d.
func pass(d time.Duration) { <-time.After(d); synctest.Wait() }

func TestRolloutThatGoesWellIsNotLookedAt(t *testing.T) {
	inquire(t, func(w *watcher) {
		for version := range 4 {
			w.consider(one, evidence(fmt.Sprint(version), metav1.ConditionUnknown))
			pass(settle - time.Millisecond)
		}
		w.consider(one, evidence("9", metav1.ConditionTrue))
		pass(lookMost)
		if n := w.looks.Load(); n != 0 {
			t.Errorf("%d looks at what became well, want none", n)
		}
	})
}

func TestUnwellIsLookedAtLessAndLess(t *testing.T) {
	inquire(t, func(w *watcher) {
		before := w.consider(one, evidence("1", metav1.ConditionUnknown))
		pass(settle)
		if w.looks.Load() != 1 || w.news.Load() != 1 {
			t.Fatalf("%d looks and %d wakes after the rest, want one of each", w.looks.Load(), w.news.Load())
		}
		after := w.consider(one, evidence("1", metav1.ConditionUnknown))
		if before == after || after != `Deployment web: container "web" crashes again and again, with exit code 1; read more with kubectl -n a logs deployment/web -c web --previous` {
			t.Errorf("cause %q, before %q", after, before)
		}
		pass(time.Hour)
		// 5, 10, 20, 40, 80, 160 s, and every 5 minutes from then on.
		if n := w.looks.Load(); n < 12 || n > 20 {
			t.Errorf("%d looks in an hour", n)
		}
		if n := w.news.Load(); n != 1 {
			t.Errorf("%d wakes, and nothing was new after the first", n)
		}
		w.exit.Store(2)
		pass(lookMost)
		if n := w.news.Load(); n != 2 {
			t.Errorf("%d wakes, want one for the other exit code", n)
		}
	})
}

func TestChangeIsLookedAtSoon(t *testing.T) {
	inquire(t, func(w *watcher) {
		w.consider(one, evidence("1", metav1.ConditionUnknown))
		pass(20 * time.Minute)
		seen := w.looks.Load()
		w.consider(one, evidence("2", metav1.ConditionUnknown))
		pass(settle)
		if n := w.looks.Load() - seen; n != 1 {
			t.Errorf("%d looks at the change, want 1", n)
		}
	})
}

func TestRestlessIsLookedAtInTheEnd(t *testing.T) {
	inquire(t, func(w *watcher) {
		for version := range 20 {
			w.consider(one, evidence(fmt.Sprint(version), metav1.ConditionUnknown))
			pass(time.Second)
		}
		if w.looks.Load() == 0 {
			t.Error("what never rests was never looked at")
		}
	})
}

func TestWorkGoesFirst(t *testing.T) {
	inquire(t, func(w *watcher) {
		w.busy.Store(true)
		w.consider(one, evidence("1", metav1.ConditionUnknown))
		pass(time.Minute)
		if n := w.looks.Load(); n != 0 {
			t.Errorf("%d looks while owners wait for their turn", n)
		}
		if w.cases[one].wanted != nil || w.cases[one].evidence.Steps != nil {
			t.Error("what an owner is made of is kept while it waits for its look")
		}
		w.busy.Store(false)
		pass(restless)
		if n := w.news.Load(); n != 1 {
			t.Fatalf("%d wakes for evidence after the work, want 1", n)
		}
		w.consider(one, evidence("1", metav1.ConditionUnknown))
		pass(settle)
		if n := w.looks.Load(); n == 0 {
			t.Error("no look after the work")
		}
	})
}

// Where owners wait for their turn for ever, causes are found all the same.
func TestEndlessWorkHidesNoCause(t *testing.T) {
	inquire(t, func(w *watcher) {
		w.busy.Store(true)
		w.consider(one, evidence("1", metav1.ConditionUnknown))
		pass(lookMost + settle + restless)
		if n := w.news.Load(); n == 0 {
			t.Fatal("nobody asked for evidence")
		}
		w.consider(one, evidence("1", metav1.ConditionUnknown))
		pass(settle)
		if n := w.looks.Load(); n == 0 {
			t.Error("no look")
		}
	})
}

func TestManyAreLookedAtSlowly(t *testing.T) {
	inquire(t, func(w *watcher) {
		for i := range 500 {
			key := reconcile.Request{NamespacedName: types.NamespacedName{Namespace: "a", Name: fmt.Sprint(i)}}
			w.consider(key, evidence("1", metav1.ConditionUnknown))
		}
		pass(settle + 10*time.Second)
		if n := w.looks.Load(); n > looksAtOnce+10*looksPerSecond+1 {
			t.Errorf("%d looks in ten seconds", n)
		}
	})
}

func TestGoneIsForgotten(t *testing.T) {
	inquire(t, func(w *watcher) {
		w.consider(one, evidence("1", metav1.ConditionUnknown))
		w.Forget(one)
		pass(lookMost)
		if w.looks.Load() != 0 || len(w.cases) != 0 {
			t.Error("an owner that is gone is kept")
		}
	})
}
