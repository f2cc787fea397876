// SPDX-License-Identifier: Apache-2.0

package loop

import (
	"context"
	"fmt"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// A status that is still in motion is held back for Calm, so that a burst of
// hops is one write, and for as long as patience while others are queueing for
// their turn. What people wait for is written at once.
const (
	Calm     = 500 * time.Millisecond
	patience = 5 * time.Second
	// Lag is how long the watch may take to show what the API server has.
	Lag = 50 * time.Millisecond
)

// Statuses remembers what was written, of sort S, until the watch shows it,
// and since when a status has been waiting to be written.
type Statuses[S any] struct {
	mu      sync.Mutex
	written map[types.NamespacedName]written[S]
	waiting map[types.NamespacedName]time.Time
}

type written[S any] struct {
	uid     types.UID
	version string
	status  S
}

// NewStatuses remembers nothing yet.
func NewStatuses[S any]() *Statuses[S] {
	return &Statuses[S]{written: map[types.NamespacedName]written[S]{}, waiting: map[types.NamespacedName]time.Time{}}
}

// Newer is the status that an object has, if the watch does not show it yet.
func (s *Statuses[S]) Newer(object client.Object) (status S, newer bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := client.ObjectKeyFromObject(object)
	w, ok := s.written[key]
	if !ok {
		return status, false
	}
	order, err := resourceversion.CompareResourceVersion(object.GetResourceVersion(), w.version)
	if w.uid != object.GetUID() || err != nil || order >= 0 {
		delete(s.written, key)
		return status, false
	}
	return w.status, true
}

// Write replaces the status that the server has by the one that next carries.
// False if it was not written: after wait, should there be one, is when to look again.
func (s *Statuses[S]) Write(ctx context.Context, c client.Client, next client.Object, status S) (wrote bool, wait time.Duration, err error) {
	next.SetResourceVersion(s.version(next))
	err = c.Status().Update(ctx, next, client.FieldValidation(metav1.FieldValidationIgnore))
	switch {
	case apierrors.IsConflict(err):
		// Somebody changed the object meanwhile: the watch is about to show it.
		return false, Lag, nil
	case apierrors.IsNotFound(err):
		return false, 0, nil
	case err != nil:
		return false, 0, fmt.Errorf("writing status: %w", err)
	}
	s.wrote(next, status)
	return true, 0, nil
}

// wrote remembers the server's answer to a status write.
func (s *Statuses[S]) wrote(answer client.Object, status S) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := client.ObjectKeyFromObject(answer)
	s.written[key] = written[S]{answer.GetUID(), answer.GetResourceVersion(), status}
	delete(s.waiting, key)
}

// Hold says for how long a status in motion is held back still; zero means
// that it is time to write it.
func (s *Statuses[S]) Hold(object client.Object, now time.Time, busy bool) time.Duration {
	held := now.Sub(s.since(object, now))
	if held < Calm || held < patience && busy {
		// Twice as long each time: looking again is work too.
		return max(Calm, held)
	}
	return 0
}

// since is when the status began to differ from the one that is written.
func (s *Statuses[S]) since(object client.Object, now time.Time) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := client.ObjectKeyFromObject(object)
	if at, ok := s.waiting[key]; ok {
		return at
	}
	s.waiting[key] = now
	return now
}

// version is the resource version of the newest state that is known of an object.
func (s *Statuses[S]) version(object client.Object) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if w, ok := s.written[client.ObjectKeyFromObject(object)]; ok && w.uid == object.GetUID() {
		return w.version
	}
	return object.GetResourceVersion()
}

// Shown forgets what was written once the watch shows it.
func (s *Statuses[S]) Shown(object client.Object) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := client.ObjectKeyFromObject(object)
	if w, ok := s.written[key]; ok {
		if order, err := resourceversion.CompareResourceVersion(object.GetResourceVersion(), w.version); err != nil || order >= 0 {
			delete(s.written, key)
		}
	}
}

// Settled says that nothing is left to write.
func (s *Statuses[S]) Settled(object client.Object) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.waiting, client.ObjectKeyFromObject(object))
}

// Forget drops what is known of an object that is gone.
func (s *Statuses[S]) Forget(key types.NamespacedName) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.written, key)
	delete(s.waiting, key)
}
