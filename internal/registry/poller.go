// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"rhumb.run/rhumb/internal/core/image"
)

const (
	jitter       = 0.05
	firstRetry   = 2 * time.Second
	slowestRetry = 2 * time.Minute
	pinnedEvery  = time.Hour
	hookGap      = 2 * time.Second
	// doubts is how often an image that was told of as pushed, and shows no change, is looked at again: distribution tells of a
	// manifest before it moves the tag.
	doubts = 2
	// pollTimeout bounds a poll with its turn: several endpoints, a token for each.
	pollTimeout = 2 * time.Minute
	minInterval = time.Second
)

// Resolver says what digest a reference has now.
type Resolver interface {
	Resolve(ctx context.Context, ref image.Ref, logins image.Logins) (string, error)
}

// Poller watches images for objects: one poll for all objects that watch the same image with the same credentials.
type Poller struct {
	resolver Resolver
	alias    func(sender, host string) bool
	base     context.Context //nolint:containedctx // timers start polls, and Run ends them all
	stop     context.CancelFunc

	mu    sync.Mutex
	wake  []func(types.NamespacedName)
	polls map[pollKey]*poll
	keys  map[types.NamespacedName]pollKey
	repos map[string]map[*poll]bool // by repository, for those who tell of pushes
}

// pollKey is what makes two polls one.
type pollKey struct {
	host, repository, manifest, logins string
}

// poll is one image as one set of credentials sees it.
type poll struct {
	key      pollKey
	ref      image.Ref
	logins   image.Logins
	wants    map[types.NamespacedName]time.Duration
	seen     image.Seen
	failures int
	timer    *time.Timer
	running  bool
	again    bool
	// doubt is how often to look again while nothing shows what a registry told of.
	doubt   int
	started time.Time
}

// NewPoller makes a poller; alias says whether a registry that calls itself sender may be the one that images call host.
func NewPoller(r Resolver, alias func(sender, host string) bool) *Poller {
	registerMetrics()
	base, stop := context.WithCancel(context.Background())
	return &Poller{
		resolver: r, alias: alias, base: base, stop: stop,
		polls: map[pollKey]*poll{}, keys: map[types.NamespacedName]pollKey{}, repos: map[string]map[*poll]bool{},
	}
}

// Start ends all polls when the context ends.
func (p *Poller) Start(ctx context.Context) error {
	<-ctx.Done()
	p.stop()
	p.mu.Lock()
	defer p.mu.Unlock()
	for owner := range p.keys {
		p.leave(owner)
	}
	return nil
}

// OnChange calls f for each object whose image is seen differently than before. It is called under no lock and must not
// block.
func (p *Poller) OnChange(f func(types.NamespacedName)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wake = append(p.wake, f)
}

// Watch says what an object watches from now on, and returns what is known of it. Called again with the same it only returns.
func (p *Poller) Watch(owner types.NamespacedName, t image.Target) image.Seen {
	p.mu.Lock()
	defer p.mu.Unlock()
	key := pollKey{t.Ref.Host, t.Ref.Repository, t.Ref.Manifest(), t.Logins.Digest()}
	if old, ok := p.keys[owner]; ok && old != key {
		p.leave(owner)
	}
	interval := max(t.Interval, minInterval)
	pl, ok := p.polls[key]
	if !ok {
		pl = &poll{key: key, ref: t.Ref, logins: t.Logins, wants: map[types.NamespacedName]time.Duration{}}
		p.polls[key] = pl
		if p.repos[key.repository] == nil {
			p.repos[key.repository] = map[*poll]bool{}
		}
		p.repos[key.repository][pl] = true
		pollsShared.Inc()
	}
	if _, joined := pl.wants[owner]; !joined {
		pollsWanted.Inc()
	}
	p.keys[owner], pl.wants[owner] = key, interval
	switch due := until(pl.seen.Next); {
	case !ok && t.Known != "": // after a restart: the status is right, so that nobody waits
		p.schedule(pl, rand.N(interval))
	case !ok, pl.seen.Pending() && t.Known == "" && !pl.running && due > 0:
		p.schedule(pl, 0)
	case pl.seen.Failure == nil && !pl.running && due > pl.every():
		p.schedule(pl, jittered(pl.every()))
	}
	return pl.seen
}

// Forget ends an object's watch.
func (p *Poller) Forget(owner types.NamespacedName) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.leave(owner)
}

func (p *Poller) leave(owner types.NamespacedName) {
	key, ok := p.keys[owner]
	if !ok {
		return
	}
	delete(p.keys, owner)
	pl := p.polls[key]
	delete(pl.wants, owner)
	pollsWanted.Dec()
	if len(pl.wants) == 0 {
		pl.timer.Stop()
		delete(p.polls, key)
		if delete(p.repos[key.repository], pl); len(p.repos[key.repository]) == 0 {
			delete(p.repos, key.repository)
		}
		pollsShared.Dec()
	}
}

// Nudge looks at once at what may have been pushed to; each image at most once in two seconds, so that whoever calls cannot
// make us a nuisance to a registry. It tells nobody whether anything matched.
func (p *Poller) Nudge(pushed ...image.Pushed) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, push := range pushed {
		for pl := range p.repos[push.Repository] {
			if push.Matches(pl.ref, p.alias) {
				pl.doubt = doubts
				p.hasten(pl)
			}
		}
	}
}

// Look looks at once at what one object watches, as Nudge does.
func (p *Poller) Look(owner types.NamespacedName) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if pl, ok := p.polls[p.keys[owner]]; ok {
		p.hasten(pl)
	}
}

// Retry looks again at what failed, after how registries are reached has changed.
func (p *Poller) Retry() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, pl := range p.polls {
		if pl.seen.Failure != nil {
			pl.failures = 0
			p.hasten(pl)
		}
	}
}

func (p *Poller) hasten(pl *poll) {
	if pl.running {
		pl.again = true
		return
	}
	if wait := max(0, hookGap-time.Since(pl.started)); wait < until(pl.seen.Next) {
		p.schedule(pl, wait)
	}
}

// schedule sets the time of the next poll; the lock is held.
func (p *Poller) schedule(pl *poll, after time.Duration) {
	pl.seen.Next = time.Now().Add(after)
	if pl.timer == nil {
		pl.timer = time.AfterFunc(after, func() { p.run(pl) })
		return
	}
	pl.timer.Reset(after)
}

// run polls once and schedules the next poll.
func (p *Poller) run(pl *poll) {
	if !p.begin(pl) {
		return
	}
	ctx, cancel := context.WithTimeout(p.base, pollTimeout)
	defer cancel()
	digest, err := guarded(ctx, p.resolver, pl)
	if p.base.Err() != nil {
		return
	}
	var f *image.Failure
	if err != nil {
		f = asFailure(err)
	}
	p.end(pl, digest, f)
}

// guarded turns a panic, which some registry's answer might bring about, into a failure of this one image.
func guarded(ctx context.Context, r Resolver, pl *poll) (digest string, err error) {
	defer func() {
		if v := recover(); v != nil {
			logf.Log.WithName("registry").Error(fmt.Errorf("panic: %v", v), "poll ended", "image", pl.ref.Written, "stack", string(debug.Stack()))
			err = &image.Failure{Reason: image.ReasonRemote, Detail: "the registry's answer could not be read", Fix: "see the controller's log"}
		}
	}()
	return r.Resolve(ctx, pl.ref, pl.logins)
}

// begin claims a poll, unless it runs or is not wanted any more.
func (p *Poller) begin(pl *poll) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if pl.running || p.polls[pl.key] != pl {
		return false
	}
	pl.running, pl.started, pl.again = true, time.Now(), false
	return true
}

func (p *Poller) end(pl *poll, digest string, f *image.Failure) {
	p.mu.Lock()
	pl.running = false
	before := pl.seen
	if f != nil && f.Unasked && !pl.seen.Pending() { // what is known stays known until the registry may be asked
		if p.polls[pl.key] == pl {
			p.schedule(pl, f.After+rand.N(max(pl.every()/10, time.Second)))
		}
		p.mu.Unlock()
		return
	}
	pl.seen.Failure = f
	if f == nil {
		pl.seen.Digest, pl.failures = digest, 0
	} else {
		pl.failures++
	}
	countPoll(pl.key.host, before, pl.seen)
	if p.polls[pl.key] == pl {
		p.schedule(pl, pl.next())
		switch {
		case !pl.seen.Same(before):
			pl.doubt = 0
		case f == nil && pl.doubt > 0:
			pl.doubt--
			p.hasten(pl)
		}
		if pl.again {
			p.hasten(pl)
		}
	}
	p.unlockAndWake(pl, before)
}

// unlockAndWake tells those who watch, if they would see something else than before.
func (p *Poller) unlockAndWake(pl *poll, before image.Seen) {
	var owners []types.NamespacedName
	if !pl.seen.Same(before) {
		for o := range pl.wants {
			owners = append(owners, o)
		}
	}
	wake := p.wake
	p.mu.Unlock()
	for _, f := range wake {
		for _, o := range owners {
			f(o)
		}
	}
}

// every is how often an image is polled while all is well: as often as the most eager object wants. A digest cannot move, so
// that it is only looked at now and then, for being gone.
func (pl *poll) every() time.Duration {
	var every time.Duration
	for _, d := range pl.wants {
		if every == 0 || d < every {
			every = d
		}
	}
	if pl.ref.Pinned() {
		every = max(every, pinnedEvery)
	}
	return every
}

// next is the time to the next poll: the interval, or after failures ever longer, and never sooner than a registry asked for.
func (pl *poll) next() time.Duration {
	if pl.seen.Failure == nil {
		return jittered(pl.every())
	}
	slowest := slowestRetry
	if !pl.ref.Pinned() {
		slowest = max(slowest, pl.every())
	}
	d := slowest
	if pl.failures <= 10 {
		d = min(slowest, firstRetry<<(pl.failures-1))
	}
	return max(jittered(d), pl.seen.Failure.After)
}

func jittered(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (1 + jitter*(2*rand.Float64()-1)))
}

func until(t time.Time) time.Duration { return max(0, time.Until(t)) }
