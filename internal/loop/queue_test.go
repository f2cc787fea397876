// SPDX-License-Identifier: Apache-2.0

package loop

import (
	"context"
	"fmt"
	"testing"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

func key(ns, name string) reconcile.Request {
	return reconcile.Request{NamespacedName: types.NamespacedName{Namespace: ns, Name: name}}
}

func running(t *testing.T) *Queue {
	t.Helper()
	q := NewQueue()
	work := priorityqueue.New[reconcile.Request](t.Name())
	t.Cleanup(work.ShutDown)
	if err := q.Start(context.Background(), work); err != nil {
		t.Fatal(err)
	}
	return q
}

// turns is the order in which so many owners are taken.
func turns(q *Queue, n int) []reconcile.Request {
	var out []reconcile.Request
	for range n {
		next, _ := q.q.Get()
		q.Taken(next)
		q.q.Done(next)
		out = append(out, next)
	}
	return out
}

func place(t *testing.T, of reconcile.Request, in []reconcile.Request) int {
	t.Helper()
	for i, k := range in {
		if k == of {
			return i
		}
	}
	t.Fatalf("%v never had its turn", of)
	return -1
}

func TestUsersOvertakeEverythingElse(t *testing.T) {
	q := running(t)
	for i := range 20 {
		q.Wake(Resync, 0, key("a", fmt.Sprint("old", i)))
		q.Wake(Fanout, 0, key("a", fmt.Sprint("template", i)))
	}
	q.Wake(Moved, 0, key("a", "object"))
	q.Wake(Changed, 0, key("a", "user"))
	got := turns(q, 42)
	if got[0] != key("a", "user") || got[1] != key("a", "object") {
		t.Errorf("the first turns went to %v", got[:2])
	}
	if last := got[41].Name; last[:3] != "old" {
		t.Errorf("the last turn went to %s, want one of the resync", last)
	}
}

func TestOneNamespaceDoesNotStarveAnother(t *testing.T) {
	q := running(t)
	for i := range 1000 {
		q.Wake(Moved, 0, key("loud", fmt.Sprint(i)))
	}
	q.Wake(Moved, 0, key("quiet", "app"))
	if at := place(t, key("quiet", "app"), turns(q, 1001)); at > 2*fairShare {
		t.Errorf("the quiet namespace had its turn as number %d of 1001, want it within %d", at, 2*fairShare)
	}
}

func TestTakenOwnersLeaveTheLine(t *testing.T) {
	q := running(t)
	for round := range 5 {
		for i := range 100 {
			q.Wake(Moved, 0, key("a", fmt.Sprint(i)))
		}
		turns(q, 100)
		if len(q.waiting) != 0 {
			t.Fatalf("after round %d %d namespaces are still thought to wait", round, len(q.waiting))
		}
	}
}

func TestNobodyIsWokenBeforeTheStart(t *testing.T) {
	q := NewQueue()
	q.Wake(Changed, 0, key("a", "x")) // must not panic: the first list shows everything anyway
	if q.Busy() {
		t.Error("a queue that has not started is busy")
	}
}
