// SPDX-License-Identifier: Apache-2.0

package imageclone

import (
	"context"
	"errors"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"rhumb.run/rhumb/api/rhumb/v1alpha1"
	"rhumb.run/rhumb/internal/core/clone"
	"rhumb.run/rhumb/internal/core/image"
)

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
	ctx, users, ok := l.begin(key, e)
	if !ok {
		return
	}
	defer l.going.Done()
	outcome, err := l.copy(ctx, e, users)
	l.end(key, e, outcome, err)
}

// errNobody is of a copy that waited for its turn, and lost its policy meanwhile.
var errNobody = errors.New("no policy asks for it")

func (l *ledger) copy(ctx context.Context, e *entry, users []User) (clone.Outcome, error) {
	select {
	case l.slots <- struct{}{}:
	case <-ctx.Done():
		return clone.Outcome{}, ctx.Err()
	case <-l.closing:
		return clone.Outcome{}, context.Canceled
	}
	defer func() { <-l.slots }()
	if l.ends() { // where both were so, chance may have taken the slot
		return clone.Outcome{}, context.Canceled
	}
	choice := l.choiceOf(e)
	if choice.Policy == nil {
		return clone.Outcome{}, errNobody
	}
	job, err := l.order(ctx, choice, users)
	if err != nil {
		return clone.Outcome{}, err
	}
	job.Wrote, job.WroteOf = l.wrote(e)
	if found, done := l.look(ctx, e, job); done {
		return found, nil
	}
	timeout := job.Copying.Timeout
	if timeout == 0 {
		timeout = defaultTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	l.asks(e)
	m := newMeter(l.log, choice, time.Now)
	outcome, err := l.engine.Copy(ctx, job, func(p clone.Progress) {
		l.note(e, p)
		m.Note(p)
	})
	if err == nil {
		m.End(outcome)
	}
	return outcome, job.Advised(err)
}

// look asks the target for a copy that somebody uses already: if it is there, its source is nobody's business.
func (l *ledger) look(ctx context.Context, e *entry, job clone.Job) (clone.Outcome, bool) {
	l.mu.Lock()
	inUse, was := e.inUse, e.outcome
	e.inUse, e.asked = false, false // what is looked at again is refreshed
	l.mu.Unlock()
	if !inUse {
		return clone.Outcome{}, false
	}
	digest, err := l.engine.Look(ctx, job.Target, job.TargetLogins)
	if err != nil || (was.Digest != "" && was.Digest != digest) {
		return clone.Outcome{}, false // whoever copies finds out why
	}
	if was.SourceDigest == "" {
		was.SourceDigest = digest
	}
	return clone.Outcome{Digest: digest, SourceDigest: was.SourceDigest, Already: true}, true
}

// wrote is the digest that we gave the target last, and of which original.
func (l *ledger) wrote(e *entry) (copied, original string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return e.outcome.Digest, e.outcome.SourceDigest
}

// asks notes that the source of a copy is asked now.
func (l *ledger) asks(e *entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e.asked = true
}

// ends reports whether no copy is begun any more.
func (l *ledger) ends() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.closed
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

// begin claims an attempt, unless one is on its way or nobody wants it any more: no policy, where its last was taken away and
// the objects were not looked at since.
func (l *ledger) begin(key Key, e *entry) (context.Context, []User, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || e.running || l.all[key] != e || e.choice.Policy == nil {
		return nil, nil, false
	}
	var ctx context.Context
	ctx, e.cancel = context.WithCancel(l.base)
	e.running, e.again, e.progress = true, false, clone.Progress{}
	l.going.Add(1)
	return ctx, slices.SortedFunc(maps.Keys(e.users), User.compare), true
}

func (l *ledger) end(key Key, e *entry, outcome clone.Outcome, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e.running = false
	e.cancel()
	if l.closed {
		return
	}
	if l.all[key] != e {
		l.finished(key, e, outcome, err)
		return
	}
	if errors.Is(err, errNobody) {
		if e.choice.Policy != nil { // and has another now
			l.schedule(key, e, 0)
		}
		return
	}
	e.failure = failureOf(err)
	before := e.known
	if e.failure == nil {
		l.succeeded(key, e, outcome)
	} else {
		l.failed(key, e)
	}
	l.tell(key)
	if before != e.known {
		for user := range e.users {
			l.wake(user)
		}
	}
}

// finished is the end of a copy that nobody wants any more. One that was at its end when the last user left is there.
func (l *ledger) finished(key Key, e *entry, outcome clone.Outcome, err error) {
	if err != nil || l.all[key] != nil {
		return
	}
	e.known, e.outcome, e.failure, e.verified = clone.Known{There: true, Digest: outcome.Digest}, outcome, nil, time.Now()
	l.tell(key)
	l.keep(key, e)
}

func (l *ledger) succeeded(key Key, e *entry, outcome clone.Outcome) {
	e.failures, e.verified = 0, time.Now()
	if outcome.Already {
		outcome.Progress = e.outcome.Progress // what it took to make it
	}
	e.outcome = outcome
	e.known = clone.Known{There: true, Digest: outcome.Digest}
	if every := e.every(); every > 0 {
		l.schedule(key, e, jittered(every))
	} else if e.choice.Policy != nil && e.choice.Policy.Name != clone.EnvName {
		e.inUse = true // now and then, for a target that has lost what it had
		l.schedule(key, e, jittered(checkEvery))
	}
}

// failed keeps a copy that is there, unless its tag is somebody else's now.
func (l *ledger) failed(key Key, e *entry) {
	e.failures++
	e.known.Failure = e.failure.Failure
	e.known.OriginLost = e.failure.Source && slices.Contains(lostReasons, e.failure.Reason)
	if e.failure.Reason == image.ReasonDrifted {
		e.known.There = false
	}
	wait := e.wait()
	if e.known.There && e.failure.After == 0 {
		wait = max(wait, min(e.every(), lastRetry))
	}
	if e.again {
		wait = e.failure.After
	}
	l.schedule(key, e, wait)
	if e.failures == 1 {
		l.log.Info("image not copied", "image", e.choice.Origin.Written, "to", e.choice.Copy.Written, "reason", e.failure.Reason,
			"side", e.failure.Side(), "message", e.failure.Error(), "retryInSeconds", math.Round(wait.Seconds()))
	}
}

// lostReasons are those for which an original cannot be had by others either.
var lostReasons = []string{image.ReasonSourceNotFound, image.ReasonUnauthorized, image.ReasonUnreachable}

// every is how often a copy is looked at again; 0 is never.
func (e *entry) every() time.Duration {
	p := e.choice.Policy
	switch {
	case p == nil || e.choice.Origin.Pinned() || p.Refresh == clone.Never || p.Refresh == "":
		return 0
	case p.Refresh == clone.RefreshAuto && !e.always && e.choice.Origin.Tag != image.DefaultTag:
		return 0
	}
	return p.Every
}

func jittered(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (0.95 + rand.Float64()/10))
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
			Reason: v1alpha1.TimedOutReason, Detail: "it was not copied in the time that one image has", Fix: "raise spec.copy.timeoutPerImage, or look at the network",
		}
	}
	return f
}
