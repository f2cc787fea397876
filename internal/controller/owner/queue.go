// SPDX-License-Identifier: Apache-2.0

package owner

import (
	"context"
	"math/bits"
	"sync"
	"time"

	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// urgency says what overtakes what.
type urgency int

const (
	resync  urgency = -100 // everything at start
	fanout  urgency = -20  // a template or blueprint changed
	moved   urgency = 0    // a stamped object, an account or a role changed
	changed urgency = 20   // a user changed the owner
)

// fairShare is how many owners of a namespace may wait before the next of them
// give way to other namespaces.
const fairShare = 32

// queue decides who is next: what a user is waiting for before what the
// cluster does by itself, and no namespace before all others for long.
type queue struct {
	mu      sync.Mutex
	q       priorityqueue.PriorityQueue[reconcile.Request]
	waiting map[string]map[reconcile.Request]struct{}
}

func newQueue() *queue { return &queue{waiting: map[string]map[reconcile.Request]struct{}{}} }

// start takes the controller's queue when it begins to run.
func (q *queue) start(_ context.Context, work workqueue.TypedRateLimitingInterface[reconcile.Request]) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.q = work.(priorityqueue.PriorityQueue[reconcile.Request])
	return nil
}

// wake asks for a look at an owner after a delay.
func (q *queue) wake(why urgency, after time.Duration, keys ...reconcile.Request) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.q == nil {
		return
	}
	for _, key := range keys {
		priority := int(why) - q.enter(key)
		q.q.AddWithOpts(priorityqueue.AddOpts{Priority: &priority, After: after}, key)
	}
}

// enter counts an owner among those waiting and says by how much it gives way:
// one step for each doubling of its namespace's queue beyond the fair share.
func (q *queue) enter(key reconcile.Request) int {
	line := q.waiting[key.Namespace]
	if line == nil {
		line = map[reconcile.Request]struct{}{}
		q.waiting[key.Namespace] = line
	}
	line[key] = struct{}{}
	return bits.Len(uint(len(line) / fairShare))
}

// taken says that an owner's turn has come.
func (q *queue) taken(key reconcile.Request) {
	q.mu.Lock()
	defer q.mu.Unlock()
	line := q.waiting[key.Namespace]
	delete(line, key)
	if len(line) == 0 {
		delete(q.waiting, key.Namespace)
	}
}

// busy is true while owners wait for their turn.
func (q *queue) busy() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.q != nil && q.q.Len() > 0
}
