// SPDX-License-Identifier: Apache-2.0

package ytt

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"time"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/fault"
)

// take gives the caller a helper of its own: the one that was used last, or a
// new one.
func (p *Pool) take(ctx context.Context) (*helper, error) {
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, p.gone(ctx)
	}
	if p.stopped.Err() != nil {
		<-p.slots
		return nil, errStopped
	}
	if h := p.pop(); h != nil {
		return h, nil
	}
	h, err := p.start(ctx)
	if err != nil {
		<-p.slots
		return nil, err
	}
	return h, nil
}

func (p *Pool) pop() *helper {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.free) > 0 {
		h := p.free[len(p.free)-1]
		p.free = p.free[:len(p.free)-1]
		if h.idle.Stop() {
			return h
		}
		p.ended.Go(func() { p.discard(h, "idle") }) // its time was over just now
	}
	return nil
}

// give takes a helper back.
func (p *Pool) give(h *helper) {
	defer func() { <-p.slots }()
	if h.spent || p.stopped.Err() != nil {
		p.discard(h, "stopped")
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	h.idle = time.AfterFunc(p.idle, func() { p.retire(h) })
	p.free = append(p.free, h)
}

// retire ends a helper that had nothing to do for long.
func (p *Pool) retire(h *helper) {
	p.mu.Lock()
	i := slices.Index(p.free, h)
	if i >= 0 {
		p.free = slices.Delete(p.free, i, i+1)
		p.ended.Add(1)
	}
	p.mu.Unlock()
	if i >= 0 {
		defer p.ended.Done()
		p.discard(h, "idle")
	}
}

// lose gives up a helper that died.
func (p *Pool) lose(h *helper, why cause) {
	helpersRunning.Dec()
	helpersEnded.WithLabelValues(string(why)).Inc()
	h.stop()
	<-p.slots
}

func (p *Pool) discard(h *helper, why cause) {
	helpersRunning.Dec()
	helpersEnded.WithLabelValues(string(why)).Inc()
	h.stop()
}

// gone says why a call that waited for a helper ended without one.
func (p *Pool) gone(ctx context.Context) error {
	if p.stopped.Err() != nil {
		return errStopped
	}
	return fault.As(fault.Retry, v1alpha1.TemplateStampFailureResourcesSubmittedReason, ctx.Err())
}

// order asks for a helper.
type order struct{ answer chan<- started }

type started struct {
	helper *helper
	err    error
}

func (p *Pool) start(ctx context.Context) (*helper, error) {
	answer := make(chan started, 1)
	select {
	case p.orders <- order{answer}:
	case <-ctx.Done():
		return nil, p.gone(ctx)
	}
	s := <-answer
	if s.err != nil {
		return nil, fault.As(fault.Retry, v1alpha1.TemplateStampFailureResourcesSubmittedReason, s.err)
	}
	helpersRunning.Inc()
	return s.helper, nil
}

// startHelpers starts what is ordered, on a thread of its own: the kernel ends
// a helper together with the thread that started it, not with the process.
func (p *Pool) startHelpers() {
	runtime.LockOSThread() // and never unlocks: the thread ends with this function
	for {
		select {
		case <-p.stopped.Done():
			return
		case o := <-p.orders:
			h, err := start(p.limits)
			if err == nil && p.stopped.Err() != nil {
				h.stop()
				h, err = nil, errors.New("this process is ending")
			}
			o.answer <- started{h, err}
		}
	}
}

// laneTime is how long a caller waits for its turn with a suspect, on a worker
// that others need too.
const laneTime = 250 * time.Millisecond

// enter takes the lane of a suspect.
func (s *suspect) enter(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, laneTime)
	defer cancel()
	select {
	case s.lane <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fault.Retryf(v1alpha1.TemplateStampFailureResourcesSubmittedReason,
			"the template ended processes that evaluate it, and is now evaluated for one owner after the other")
	}
}

func (s *suspect) leave() { <-s.lane }

// verdict says what the end of a helper asks of the loop. What is certain to
// happen again, or did, waits for someone to change a template or a spec; a
// busy machine or a stray signal may be the cause of the rest.
func verdict(d *death, times int) error {
	class := fault.Retry
	if d.certain() || times > certainAfter {
		class = fault.Reject
	}
	return fault.As(class, v1alpha1.TemplateStampFailureResourcesSubmittedReason, d.err)
}
