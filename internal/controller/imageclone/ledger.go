// SPDX-License-Identifier: Apache-2.0

package imageclone

import (
	"cmp"
	"context"
	"math/rand/v2"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
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
	// checkEvery is how often a copy that is not refreshed is asked for.
	checkEvery = 12 * time.Hour
	// recheck is the time in which all copies that were there before a restart are asked for once.
	recheck = 10 * time.Minute
	// lastMoment is what copies on their way have to arrive, once we are to end: a part of the time that a pod has for that.
	lastMoment = 10 * time.Second
	// defaultTimeout is of one image, where its policy says nothing.
	defaultTimeout = 30 * time.Minute
)

// User is an object that has images.
type User struct {
	Kind string
	types.NamespacedName
}

// String is the object as people read it.
func (u User) String() string { return u.Kind + " " + u.NamespacedName.String() }

func (u User) compare(v User) int { return cmp.Compare(u.String(), v.String()) }

// Key is one copy: an original and where it goes, each by its full name.
type Key struct{ Origin, Copy string }

// KeyOf is the copy that a choice is about.
func KeyOf(c clone.Choice) Key { return Key{clone.FullName(c.Origin), clone.FullName(c.Copy)} }

// Engine copies images. The error is a *clone.Failure unless ctx ended.
type Engine interface {
	Copy(ctx context.Context, j clone.Job, progress func(clone.Progress)) (clone.Outcome, error)
	// Look asks a target for a copy; it is the digest that it has.
	Look(ctx context.Context, copied image.Ref, logins image.Logins) (string, error)
	// Delete deletes a copy's tag.
	Delete(ctx context.Context, copied image.Ref, logins image.Logins) error
}

// Recalled is what was written down of a copy.
type Recalled struct{ Digest, SourceDigest string }

// Order is what an engine needs to know of a copy besides what the choice says.
type Order func(ctx context.Context, c clone.Choice, users []User) (clone.Job, error)

// ledger knows of each copy who wants it, and how far it is. One copy is on its way once, whoever asks.
type ledger struct {
	engine Engine
	order  Order
	// wake is called for each object that waits for a copy of which something else is known now. It must not block.
	wake  func(User)
	slots chan struct{}
	base  context.Context //nolint:containedctx // timers start copies, and Start ends them all
	stop  context.CancelFunc
	// changed, if set, is told of each copy whose entry may read differently. It must not block.
	changed func(Key)
	// recall, if set, gives what was written down of a copy that is there.
	recall func(ctx context.Context, key Key, policy string) (Recalled, bool)
	log    logr.Logger

	mu    sync.Mutex
	all   map[Key]*entry
	wants map[User][]Key
	left  map[Key]description // copies that nobody wants any more, until they are written down
	going sync.WaitGroup
	// closed is set, and closing closed, once no copy is begun any more.
	closed  bool
	closing chan struct{}
}

// entry is one copy.
type entry struct {
	choice   clone.Choice
	former   *clone.Policy // that was taken away last
	users    map[User]bool
	known    clone.Known
	outcome  clone.Outcome
	failure  *clone.Failure
	failures int
	running  bool
	asked    bool // its source was, the last time
	// again is set where what is on its way began with what has changed since.
	again    bool
	verified time.Time // when it was last seen to be there
	next     time.Time
	// always is set once some pod pulls the tag each time, inUse while it is enough that the target has the copy.
	always, inUse bool
	timer         *time.Timer
	cancel        context.CancelFunc
	progress      clone.Progress
}

func newLedger(e Engine, order Order, wake func(User), log logr.Logger) *ledger {
	base, stop := context.WithCancel(context.Background())
	return &ledger{
		engine: e, order: order, wake: wake, log: log, slots: make(chan struct{}, atOnce), base: base, stop: stop,
		all: map[Key]*entry{}, wants: map[User][]Key{}, left: map[Key]description{}, closing: make(chan struct{}),
	}
}

// Start begins no copy any more when ctx ends. Those that are on their way have a moment to arrive, so that nothing of them is
// sent twice; it returns when the last has ended.
func (l *ledger) Start(ctx context.Context) error {
	defer counted.Of(l)()
	<-ctx.Done()
	l.mu.Lock()
	l.closed = true
	close(l.closing)
	for _, e := range l.all {
		if e.timer != nil {
			e.timer.Stop()
		}
	}
	l.mu.Unlock()
	late := time.AfterFunc(lastMoment, l.stop)
	defer late.Stop()
	l.going.Wait()
	l.stop()
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
			e = l.open(key, c)
		}
		l.ask(key, e, c)
		if !e.users[user] {
			e.users[user] = true
			l.tell(key)
		}
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

// ask takes in what an object asks of a copy. Of several policies with one target the first by name decides, so that it is
// not another one with each look; what is asked for otherwise than before is looked at again.
func (l *ledger) ask(key Key, e *entry, c clone.Choice) {
	was, every := e.choice.Policy, e.every()
	if was == nil || c.Policy.Name <= was.Name {
		e.choice.Policy = c.Policy
	}
	e.always = e.always || c.Slot.Policy == corev1.PullAlways
	if was == nil && !e.running { // its last policy was taken away, and with it what was due
		e.inUse = e.known.There
		if e.former != nil && !reflect.DeepEqual(e.former.Copy, c.Policy.Copy) {
			e.outcome.SourceDigest, e.inUse = "", false
		}
		l.schedule(key, e, 0)
	}
	if was == nil || was == e.choice.Policy && e.every() == every {
		return
	}
	more := !reflect.DeepEqual(was.Copy, e.choice.Policy.Copy)
	if more {
		e.outcome.SourceDigest = "" // what was made of it is not what is wanted now
	}
	if (more || e.every() != every) && !e.running && e.failure == nil && e.known.There {
		e.inUse = false
		l.schedule(key, e, 0)
	}
}

// Policies says which policies are in force: what was asked for by others is asked for anew.
func (l *ledger) Policies(all clone.Policies) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.all {
		if !slices.ContainsFunc(all, func(p *clone.Policy) bool { return e.choice.Policy != nil && p.Name == e.choice.Policy.Name }) {
			if e.choice.Policy != nil {
				e.former = e.choice.Policy
			}
			e.choice.Policy = nil
		}
	}
}

// open begins to know of a copy. One that was there before us is asked for in its time; the lock is held.
func (l *ledger) open(key Key, c clone.Choice) *entry {
	// Of what somebody names already the target is asked, and the source is not.
	e := &entry{choice: c, users: map[User]bool{}, inUse: c.Copied}
	l.all[key] = e
	var was Recalled
	known := false
	if l.recall != nil {
		was, known = l.recall(l.base, key, c.Policy.Name)
	}
	if d, left := l.left[key]; left && !known { // it is not written down yet
		was, known = Recalled{Digest: d.outcome.Digest, SourceDigest: d.outcome.SourceDigest}, d.policy.Name == c.Policy.Name
	}
	if !known {
		l.schedule(key, e, 0)
		return e
	}
	e.known = clone.Known{There: true, Digest: was.Digest}
	e.outcome = clone.Outcome{Digest: was.Digest, SourceDigest: was.SourceDigest, Already: true}
	e.inUse = true
	l.schedule(key, e, rand.N(recheck))
	return e
}

func (l *ledger) tell(key Key) {
	if l.changed != nil {
		l.changed(key)
	}
}

// leave is the end of an object's wish; a copy that nobody wants is not made.
func (l *ledger) leave(user User, key Key) {
	e := l.all[key]
	if e == nil {
		return
	}
	l.tell(key)
	if delete(e.users, user); len(e.users) > 0 {
		return
	}
	if e.timer != nil {
		e.timer.Stop()
	}
	if e.cancel != nil {
		e.cancel()
	}
	l.keep(key, e)
	delete(l.all, key)
}

// keep keeps a copy that is there until it is written down: what nobody knows of, nobody cleans up.
func (l *ledger) keep(key Key, e *entry) {
	if e.known.There && l.changed != nil && e.choice.Policy != nil && e.choice.Policy.Name != clone.EnvName {
		l.left[key] = e.describe()
	}
}

// Used reports whether anybody uses a copy.
func (l *ledger) Used(key Key) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all[key] != nil
}

// Written says that a copy is written down.
func (l *ledger) Written(key Key) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.left, key)
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
		switch {
		case e.running:
			e.again = true
		case e.failure != nil:
			e.failures = 0
			l.schedule(key, e, 0)
		}
	}
}
