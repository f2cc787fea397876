// SPDX-License-Identifier: Apache-2.0

package loop

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"rhumb.run/rhumb/internal/core/cause"
)

// Look finds what is below an object that is not well. It reads, and says what
// it could read.
type Look func(ctx context.Context, object *unstructured.Unstructured) *cause.Node

// An object gets its first look when it has rested unwell for settle: a rollout
// that goes well is never looked at. Then it is looked at when it changes, and
// now and then as long as it is unwell, since what is below it is not watched.
const (
	settle    = 2 * time.Second
	restless  = 10 * time.Second
	lookAgain = 5 * time.Second
	lookMost  = 5 * time.Minute
	lookTime  = 10 * time.Second
	// All owners share this.
	looksPerSecond = 5
	looksAtOnce    = 10
	lookers        = 2
)

// Inquiry finds out why owners are not well, beside the work and after it: it
// never looks while owners are queueing for their turn, and never at an owner
// that is well.
type Inquiry struct {
	look Look
	// news wakes an owner whose cause is another one now.
	news   func(reconcile.Request)
	busy   func() bool
	queue  workqueue.TypedDelayingInterface[reconcile.Request]
	budget *rate.Limiter

	mu    sync.Mutex
	cases map[reconcile.Request]*inquest
}

// inquest is one owner's. It holds evidence only if that came when nobody was
// queueing: of ten thousand owners on their way nearly all get well without a
// look, and what they are made of is not kept for that.
type inquest struct {
	evidence cause.Evidence
	sentence string
	wanted   []cause.Want
	// state tells one state of the wanted objects from another.
	state    string
	looked   map[string]*cause.Node
	opened   time.Time
	due      time.Time
	interval time.Duration
}

// NewInquiry looks by look, if there is one. news is called for owners whose cause changed.
func NewInquiry(look Look, news func(reconcile.Request), busy func() bool) *Inquiry {
	return &Inquiry{
		look: look, news: news, busy: busy,
		queue:  workqueue.NewTypedDelayingQueue[reconcile.Request](),
		budget: rate.NewLimiter(looksPerSecond, looksAtOnce),
		cases:  map[reconcile.Request]*inquest{},
	}
}

// Found is what was found below an owner's objects, by step; nil if nobody looked yet.
func (i *Inquiry) Found(key reconcile.Request) map[string]*cause.Node {
	i.mu.Lock()
	defer i.mu.Unlock()
	if c := i.cases[key]; c != nil {
		return c.looked
	}
	return nil
}

// Consider takes the newest evidence, and the sentence that was made of it, and
// sees to a look where one is called for.
func (i *Inquiry) Consider(key reconcile.Request, e cause.Evidence, sentence string) {
	wanted := cause.Wanted(e)
	i.mu.Lock()
	defer i.mu.Unlock()
	if len(wanted) == 0 || i.look == nil {
		delete(i.cases, key)
		return
	}
	now, state := time.Now(), stateOf(wanted)
	c := i.cases[key]
	switch {
	case c == nil:
		c = &inquest{opened: now, due: now.Add(settle), interval: lookAgain}
		i.cases[key] = c
	case c.state == state:
	case c.looked == nil:
		c.due = earliest(now.Add(settle), c.opened.Add(restless))
	default:
		c.interval = lookAgain
		c.due = earliest(c.due, now.Add(settle))
	}
	c.evidence, c.sentence, c.wanted, c.state = e, sentence, wanted, state
	if c.looked == nil && now.Sub(c.due) < lookMost && i.busy() {
		c.evidence, c.wanted = cause.Evidence{}, nil
	}
	i.queue.AddAfter(key, max(0, c.due.Sub(now)))
}

func earliest(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func stateOf(wanted []cause.Want) string {
	var s strings.Builder
	for _, w := range wanted {
		fmt.Fprintf(&s, "%s %s %s\n", w.Step, w.Object.GetUID(), w.Object.GetResourceVersion())
	}
	return s.String()
}

// Forget closes the case of an owner that is gone.
func (i *Inquiry) Forget(key reconcile.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	delete(i.cases, key)
}

// Start looks until ctx ends.
func (i *Inquiry) Start(ctx context.Context) error {
	var all sync.WaitGroup
	for range lookers {
		all.Go(func() { i.run(ctx) })
	}
	<-ctx.Done()
	i.queue.ShutDown()
	all.Wait()
	return nil
}

func (i *Inquiry) run(ctx context.Context) {
	for {
		key, over := i.queue.Get()
		if over {
			return
		}
		i.turn(ctx, key)
		i.queue.Done(key)
	}
}

// turn looks, if it is time and nobody is waiting for more important work.
func (i *Inquiry) turn(ctx context.Context, key reconcile.Request) {
	wanted, wait, open := i.open(key)
	switch {
	case !open:
		return
	case wait > 0:
		i.queue.AddAfter(key, wait)
		return
	case i.budget.WaitN(ctx, 1) != nil:
		return
	case len(wanted) == 0:
		i.news(key) // whoever acts for the owner brings the evidence anew
		return
	}
	looked := make(map[string]*cause.Node, len(wanted))
	for _, w := range wanted {
		ctx, stop := context.WithTimeout(ctx, lookTime)
		looked[w.Step] = i.look(ctx, w.Object)
		stop()
	}
	if ctx.Err() == nil && i.conclude(key, looked) {
		i.news(key)
	}
}

// open gives what to look at now, or how long to wait; open is false if the case was closed.
func (i *Inquiry) open(key reconcile.Request) (wanted []cause.Want, wait time.Duration, open bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	c := i.cases[key]
	if c == nil {
		return nil, 0, false
	}
	now := time.Now()
	if wait := c.due.Sub(now); wait > 0 {
		return nil, wait, true
	}
	if i.busy() && now.Sub(c.due) < lookMost {
		return nil, restless, true
	}
	return c.wanted, 0, true
}

// conclude keeps what was found; true if the cause is another one now.
func (i *Inquiry) conclude(key reconcile.Request, looked map[string]*cause.Node) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	c := i.cases[key]
	if c == nil {
		return false
	}
	e := c.evidence
	e.Steps = append([]cause.Step(nil), e.Steps...)
	for n := range e.Steps {
		e.Steps[n].Looked = looked[e.Steps[n].Name]
	}
	sentence := cause.Of(e).Sentence(c.sentence)
	news := sentence != c.sentence
	if news {
		// Where something happens, more is likely to.
		c.sentence, c.interval = sentence, lookAgain
	}
	c.looked, c.due = looked, time.Now().Add(c.interval)
	i.queue.AddAfter(key, c.interval)
	c.interval = min(2*c.interval, lookMost)
	return news
}
