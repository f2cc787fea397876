// SPDX-License-Identifier: Apache-2.0

package imageclone

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/types"

	"rhumb.run/rhumb/internal/core/clone"
	"rhumb.run/rhumb/internal/core/image"
)

const (
	// atOnce is how many images are copied at once.
	atOnce = 4
	// After a failure an image is tried again ever later.
	firstRetry = 2 * time.Second
	lastRetry  = 15 * time.Minute
	// defaultTimeout is of one image, where its policy says nothing.
	defaultTimeout = 30 * time.Minute
)

// User is an object that has images.
type User struct {
	Kind string
	types.NamespacedName
}

// Key is one copy: an original and where it goes, each by its full name.
type Key struct{ Origin, Copy string }

// KeyOf is the copy that a choice is about.
func KeyOf(c clone.Choice) Key { return Key{clone.FullName(c.Origin), clone.FullName(c.Copy)} }

// Engine copies images. The error is a *clone.Failure unless ctx ended.
type Engine interface {
	Copy(ctx context.Context, j clone.Job, progress func(clone.Progress)) (clone.Outcome, error)
}

// Order is what an engine needs to know of a copy besides what the choice says.
type Order func(ctx context.Context, c clone.Choice, user User) (clone.Job, error)

// ledger knows of each copy who wants it, and how far it is. One copy is on its way once, whoever asks.
type ledger struct {
	engine Engine
	order  Order
	// wake is called for each object that waits for a copy of which something else is known now. It must not block.
	wake  func(User)
	slots chan struct{}
	log   logr.Logger
	base  context.Context //nolint:containedctx // timers start copies, and Start ends them all
	stop  context.CancelFunc
	// changed, if set, is told of each copy whose entry reads differently.
	changed func(Key)

	mu    sync.Mutex
	all   map[Key]*entry
	wants map[User][]Key
	left  sync.WaitGroup
}

// entry is one copy.
type entry struct {
	choice   clone.Choice
	users    map[User]bool
	known    clone.Known
	outcome  clone.Outcome
	failure  *clone.Failure
	failures int
	running  bool
	since    time.Time // the copy began, or was last seen to be there
	next     time.Time
	timer    *time.Timer
	cancel   context.CancelFunc
	progress clone.Progress
}

func newLedger(e Engine, order Order, wake func(User), log logr.Logger) *ledger {
	base, stop := context.WithCancel(context.Background())
	return &ledger{
		engine: e, order: order, wake: wake, log: log, slots: make(chan struct{}, atOnce), base: base, stop: stop,
		all: map[Key]*entry{}, wants: map[User][]Key{},
	}
}

// Start ends all copies when ctx ends, and returns when the last has.
func (l *ledger) Start(ctx context.Context) error {
	<-ctx.Done()
	l.stop()
	l.mu.Lock()
	for _, e := range l.all {
		if e.timer != nil {
			e.timer.Stop()
		}
	}
	l.mu.Unlock()
	l.left.Wait()
	return nil
}

// Want says which copies an object wants from now on.
func (l *ledger) Want(user User, choices []clone.Choice) {
	l.mu.Lock()
	defer l.mu.Unlock()
	keep := map[Key]bool{}
	var keys []Key
	for _, c := range choices {
		key := KeyOf(c)
		e := l.all[key]
		if e == nil {
			e = &entry{choice: c, users: map[User]bool{}}
			l.all[key] = e
			l.schedule(key, e, 0)
		}
		e.choice.Policy = c.Policy // as it is now
		e.users[user] = true
		if !keep[key] {
			keys = append(keys, key)
		}
		keep[key] = true
	}
	for _, key := range l.wants[user] {
		if !keep[key] {
			l.leave(user, key)
		}
	}
	if l.wants[user] = keys; len(keys) == 0 {
		delete(l.wants, user)
	}
}

// leave is the end of an object's wish; a copy that nobody wants is not made.
func (l *ledger) leave(user User, key Key) {
	e := l.all[key]
	if e == nil {
		return
	}
	if delete(e.users, user); len(e.users) > 0 {
		return
	}
	if e.timer != nil {
		e.timer.Stop()
	}
	if e.cancel != nil {
		e.cancel()
	}
	delete(l.all, key)
}

// Known is what is known of a copy.
func (l *ledger) Known(c clone.Choice) clone.Known {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e := l.all[KeyOf(c)]; e != nil {
		return e.known
	}
	return clone.Known{}
}

// Retry tries again at once what failed, after how registries are reached, or logins, have changed.
func (l *ledger) Retry() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for key, e := range l.all {
		if e.failure != nil && !e.running {
			e.failures = 0
			l.schedule(key, e, 0)
		}
	}
}

// schedule sets the time of the next attempt; the lock is held.
func (l *ledger) schedule(key Key, e *entry, after time.Duration) {
	e.next = time.Now().Add(after)
	if e.timer != nil {
		e.timer.Stop()
	}
	e.timer = time.AfterFunc(after, func() { l.attempt(key, e) })
}

// attempt copies once.
func (l *ledger) attempt(key Key, e *entry) {
	ctx, user, ok := l.begin(key, e)
	if !ok {
		return
	}
	defer l.left.Done()
	outcome, err := l.copy(ctx, key, e, user)
	l.end(key, e, outcome, err)
}

func (l *ledger) copy(ctx context.Context, key Key, e *entry, user User) (clone.Outcome, error) {
	select {
	case l.slots <- struct{}{}:
	case <-ctx.Done():
		return clone.Outcome{}, ctx.Err()
	}
	defer func() { <-l.slots }()
	job, err := l.order(ctx, l.choiceOf(e), user)
	if err != nil {
		return clone.Outcome{}, err
	}
	timeout := job.Copying.Timeout
	if timeout == 0 {
		timeout = defaultTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	m := newMeter(l.log, l.choiceOf(e), time.Now)
	outcome, err := l.engine.Copy(ctx, job, func(p clone.Progress) {
		l.note(e, p)
		m.Note(p)
	})
	if err == nil {
		m.End(outcome)
	}
	return outcome, err
}

func (l *ledger) choiceOf(e *entry) clone.Choice {
	l.mu.Lock()
	defer l.mu.Unlock()
	return e.choice
}

func (l *ledger) note(e *entry, p clone.Progress) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e.progress = p
}

// begin claims an attempt, unless one is on its way or nobody wants it any more.
func (l *ledger) begin(key Key, e *entry) (context.Context, User, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.base.Err() != nil || e.running || l.all[key] != e {
		return nil, User{}, false
	}
	var ctx context.Context
	ctx, e.cancel = context.WithCancel(l.base)
	e.running, e.since, e.progress = true, time.Now(), clone.Progress{}
	l.left.Add(1)
	for user := range e.users {
		return ctx, user, true
	}
	return ctx, User{}, true
}

func (l *ledger) end(key Key, e *entry, outcome clone.Outcome, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e.running = false
	e.cancel()
	if l.base.Err() != nil || l.all[key] != e {
		return
	}
	e.failure = failureOf(err)
	before := e.known
	if e.failure == nil {
		e.outcome, e.failures, e.since = outcome, 0, time.Now()
		e.known = clone.Known{There: true, Digest: outcome.Digest}
	} else {
		e.failures++
		e.known.Failure = e.failure.Failure
		l.schedule(key, e, e.wait())
	}
	if before != e.known {
		for user := range e.users {
			l.wake(user)
		}
	}
}

// wait is the time to the next attempt: ever longer, and never sooner than a registry asked for.
func (e *entry) wait() time.Duration {
	d := lastRetry
	if e.failures <= 10 {
		d = min(lastRetry, firstRetry<<(e.failures-1))
	}
	d = time.Duration(float64(d) * (0.75 + rand.Float64()/2))
	return max(d, e.failure.After)
}

// failureOf is the failure of an error, whatever that is.
func failureOf(err error) *clone.Failure {
	if err == nil {
		return nil
	}
	if f, ok := errors.AsType[*clone.Failure](err); ok {
		return f
	}
	f := &clone.Failure{Failure: &image.Failure{Reason: image.ReasonRemote, Detail: err.Error()}, Source: true}
	if plain, ok := errors.AsType[*image.Failure](err); ok {
		f.Failure = plain
	}
	if errors.Is(err, context.DeadlineExceeded) {
		f.Failure = &image.Failure{
			Reason: image.ReasonUnreachable, Detail: "it was not copied in the time that one image has", Fix: "raise spec.copy.timeoutPerImage, or look at the network",
		}
	}
	return f
}
