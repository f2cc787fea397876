// SPDX-License-Identifier: Apache-2.0

package loop

import (
	"context"
	"math/bits"
	"sync"
	"time"

	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// Urgency says what overtakes what.
type Urgency int

// The urgencies.
const (
	Resync  Urgency = -100 // everything at start
	Fanout  Urgency = -20  // a template or blueprint changed
	Moved   Urgency = 0    // a stamped object, an account or a role changed
	Changed Urgency = 20   // a user changed the owner
)

// fairShare is how many owners of a namespace may wait before the next of them
// give way to other namespaces.
const fairShare = 32

// Queue decides who is next: what a user is waiting for before what the
// cluster does by itself, and no namespace before all others for long.
type Queue struct {
	mu      sync.Mutex
	q       priorityqueue.PriorityQueue[reconcile.Request]
	waiting map[string]map[reconcile.Request]struct{}
}

// NewQueue is a queue that has not begun to run.
func NewQueue() *Queue { return &Queue{waiting: map[string]map[reconcile.Request]struct{}{}} }

// Start takes the controller's queue when it begins to run.
func (q *Queue) Start(_ context.Context, work workqueue.TypedRateLimitingInterface[reconcile.Request]) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.q = work.(priorityqueue.PriorityQueue[reconcile.Request])
	return nil
}

// Wake asks for a look at an owner after a delay.
func (q *Queue) Wake(why Urgency, after time.Duration, keys ...reconcile.Request) {
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
func (q *Queue) enter(key reconcile.Request) int {
	line := q.waiting[key.Namespace]
	if line == nil {
		line = map[reconcile.Request]struct{}{}
		q.waiting[key.Namespace] = line
	}
	line[key] = struct{}{}
	return bits.Len(uint(len(line) / fairShare))
}

// Taken says that an owner's turn has come.
func (q *Queue) Taken(key reconcile.Request) {
	q.mu.Lock()
	defer q.mu.Unlock()
	line := q.waiting[key.Namespace]
	delete(line, key)
	if len(line) == 0 {
		delete(q.waiting, key.Namespace)
	}
}

// Busy is true while owners wait for their turn.
func (q *Queue) Busy() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.q != nil && q.q.Len() > 0
}
