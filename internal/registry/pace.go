// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"rhumb.run/rhumb/internal/core/image"
)

// What one registry is asked at most, over all images on it.
const (
	hostAtOnce    = 8
	hostPerSecond = 50
	maxHosts      = 10_000
)

// paces keep the peace with each registry.
type paces struct {
	mu  sync.Mutex
	all map[string]*pace
}

// pace is the peace with one.
type pace struct {
	slots chan struct{}
	rate  *rate.Limiter

	mu     sync.Mutex
	blocks map[string]block // by login, since registries count each account apart
}

// block is a registry's wish to be left alone.
type block struct {
	until time.Time
	why   *image.Failure
}

func (p *paces) of(host string) *pace {
	p.mu.Lock()
	defer p.mu.Unlock()
	h, ok := p.all[host]
	if !ok {
		if p.all == nil || len(p.all) >= maxHosts {
			p.all = map[string]*pace{}
		}
		h = &pace{slots: make(chan struct{}, hostAtOnce), rate: rate.NewLimiter(hostPerSecond, hostPerSecond), blocks: map[string]block{}}
		p.all[host] = h
	}
	return h
}

// enter waits for a turn; leave gives it back.
func (h *pace) enter(ctx context.Context) error {
	select {
	case h.slots <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("waiting for a turn: %w", ctx.Err())
	}
	if err := h.rate.Wait(ctx); err != nil {
		h.leave()
		return fmt.Errorf("waiting for a turn: %w", err)
	}
	return nil
}

func (h *pace) leave() { <-h.slots }

// block notes that a login is to keep away.
func (h *pace) block(login string, f *image.Failure, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for l, b := range h.blocks {
		if now.After(b.until) {
			delete(h.blocks, l)
		}
	}
	h.blocks[login] = block{until: now.Add(f.After), why: f}
}

// blocked is the block that holds for a login now, if there is one.
func (h *pace) blocked(login string, now time.Time) (block, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	b, ok := h.blocks[login]
	return b, ok && now.Before(b.until)
}
