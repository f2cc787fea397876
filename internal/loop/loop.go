// SPDX-License-Identifier: Apache-2.0

// Package loop is the one shape in which every Reconcile ends.
//
//	fault class ─Settle─▶ nothing   (done, wait, reject: a watch wakes us)
//	                      later     (denied: backoff of its own, reset when rights change)
//	                      the error (anything else: the queue's backoff, a metric, one log line)
//
// And what every controller that acts for somebody is made of: who waits for
// whom (Queue), who is woken by what (Needs, Wakes), what was said last
// (Statuses, Events).
package loop

import (
	"sync"
	"time"

	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"rhumb.run/rhumb/internal/fault"
)

// Loop settles the errors of one controller.
type Loop struct {
	mu     sync.Mutex
	denied map[reconcile.Request]int
}

// New starts with a clean slate.
func New() *Loop { return &Loop{denied: map[reconcile.Request]int{}} }

// The backoff of those who were refused for want of rights: someone has to
// grant them, and that wakes us; the retry is for grants that we cannot see.
const (
	deniedFirst = time.Second
	deniedMost  = 5 * time.Minute
)

// Settle turns what an act met into what the queue does next.
func (l *Loop) Settle(key reconcile.Request, err error) (reconcile.Result, error) {
	class, _ := fault.Of(err)
	l.mu.Lock()
	defer l.mu.Unlock()
	switch class {
	case fault.Deny:
		delay := min(deniedFirst<<min(l.denied[key], 20), deniedMost)
		l.denied[key]++
		return reconcile.Result{RequeueAfter: delay}, nil
	case fault.Retry:
		return reconcile.Result{}, err
	case fault.None, fault.Wait, fault.Reject:
	}
	delete(l.denied, key)
	return reconcile.Result{}, nil
}

// Denied are those whose last attempt was refused for want of rights, their backoff reset.
func (l *Loop) Denied(namespace string) []reconcile.Request {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []reconcile.Request
	for key := range l.denied {
		if namespace == "" || key.Namespace == namespace {
			l.denied[key] = 0
			out = append(out, key)
		}
	}
	return out
}

// Forget drops what is known of an owner that is gone.
func (l *Loop) Forget(key reconcile.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.denied, key)
}

// The backoff of passing failures.
const (
	retryFirst = 20 * time.Millisecond
	retryMost  = 15 * time.Second
)

// Limiter is the backoff of every controller's queue: soon at first, and soon
// enough when an API server returns after minutes.
func Limiter() workqueue.TypedRateLimiter[reconcile.Request] { return LimiterOf[reconcile.Request]() }

// LimiterOf is Limiter for requests of another shape.
func LimiterOf[R comparable]() workqueue.TypedRateLimiter[R] {
	return workqueue.NewTypedItemExponentialFailureRateLimiter[R](retryFirst, retryMost)
}
