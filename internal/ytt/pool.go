// SPDX-License-Identifier: Apache-2.0

package ytt

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/digest"
	"rhumb.run/rhumb/internal/core/render"
	"rhumb.run/rhumb/internal/fault"
)

// Pool is a render.Engine: helpers that are started when there is need, and
// ended when there is none.
type Pool struct {
	limits   Limits
	idle     time.Duration
	slots    chan struct{} // one for each helper that may be
	orders   chan order    // to the thread that starts them
	suspects *suspects
	stopped  context.Context //nolint:containedctx // it ends the pool, not a call.
	stop     context.CancelFunc
	ended    sync.WaitGroup

	mu   sync.Mutex
	free []*helper
}

var _ render.Engine = (*Pool)(nil)

// Options of a pool; what is zero takes its default.
type Options struct {
	// Size is how many helpers there may be: by default as many as processors, and two at least, so
	// that one template that takes its time leaves a helper to the others.
	Size int
	// Idle is how long a helper without work is kept: ten minutes.
	Idle time.Duration
	// Time is how long one evaluation may take: four seconds.
	Time time.Duration

	now func() time.Time
}

// NewPool makes a pool without a helper yet. Its program must begin with Main.
func NewPool(o Options) *Pool {
	registerMetrics()
	p := &Pool{limits: DefaultLimits, idle: 10 * time.Minute, orders: make(chan order)}
	if o.Idle > 0 {
		p.idle = o.Idle
	}
	if o.Time > 0 {
		p.limits.Time = o.Time
	}
	if o.Size <= 0 {
		o.Size = max(2, runtime.GOMAXPROCS(0))
	}
	if o.now == nil {
		o.now = time.Now
	}
	p.slots = make(chan struct{}, o.Size)
	p.suspects = newSuspects(o.now)
	p.stopped, p.stop = context.WithCancel(context.Background())
	p.ended.Go(p.startHelpers)
	return p
}

// Stop ends every helper, and whatever they are at. Only then is nothing of the pool left.
func (p *Pool) Stop() {
	p.stop()
	for range cap(p.slots) {
		p.slots <- struct{}{} // whoever has a helper gives it back
	}
	p.mu.Lock()
	free := p.free
	p.free = nil
	p.mu.Unlock()
	for _, h := range free {
		h.idle.Stop()
		p.discard(h, "stopped")
	}
	p.ended.Wait()
}

// errStopped is told to whoever comes too late.
var errStopped = fault.As(fault.Retry, v1alpha1.TemplateStampFailureResourcesSubmittedReason, errors.New("this process is ending"))

// Render evaluates a template in a helper. An error that is no fault is the template's own.
func (p *Pool) Render(ctx context.Context, program render.Program, values []byte) ([]byte, error) {
	if err := p.check(program, values); err != nil {
		count(tooLarge)
		return nil, err
	}
	suspect := p.suspects.find(program.Digest)
	if suspect == nil {
		return p.evaluate(ctx, program, values)
	}
	data := digest.Bytes(values)
	if err := p.suspects.held(suspect, data); err != nil {
		count(heldBack)
		return nil, err
	}
	if err := suspect.enter(ctx); err != nil {
		count(heldBack)
		return nil, err
	}
	defer suspect.leave()
	if err := p.suspects.held(suspect, data); err != nil {
		count(heldBack)
		return nil, err
	}
	return p.evaluate(ctx, program, values)
}

func (p *Pool) check(program render.Program, values []byte) error {
	switch {
	case len(program.Text) > p.limits.Text:
		return fmt.Errorf("the template has %d bytes, at most %d", len(program.Text), p.limits.Text)
	case len(values) > p.limits.Input:
		return fmt.Errorf("its data have %d bytes, at most %d", len(values), p.limits.Input)
	}
	return nil
}

func (p *Pool) evaluate(ctx context.Context, program render.Program, values []byte) ([]byte, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(p.stopped, cancel)() //nolint:contextcheck // it ends with the pool, whoever asked.
	h, err := p.take(ctx)
	if err != nil {
		count(notStarted)
		return nil, err
	}
	began := time.Now()
	out, err := h.ask(ctx, program, values)
	renderSeconds.Observe(time.Since(began).Seconds())
	d, died := errors.AsType[*death](err)
	switch {
	case !died:
		p.give(h)
		count(resultOf(err))
		if err == nil {
			p.suspects.ok(program.Digest)
		}
		return out, err
	case d.cause == abandoned:
		p.lose(h, d.cause)
		return nil, fault.As(fault.Retry, v1alpha1.TemplateStampFailureResourcesSubmittedReason, d.err)
	}
	p.lose(h, d.cause)
	count(result(d.cause))
	return nil, p.suspects.died(program.Digest, digest.Bytes(values), d)
}
