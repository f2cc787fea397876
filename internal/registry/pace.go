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
	// hostDownloads and hostUploads are blobs on their way.
	hostDownloads = 8
	hostUploads   = 16
	maxHosts      = 10_000
	// unasked is how long a registry is left alone that wishes it and does not say how long.
	unasked = 10 * time.Second
)

// Pace is what one registry is asked at most.
type Pace struct {
	// PerSecond is how many requests; 50 if zero. It does not hold where we write.
	PerSecond float64
	// MinRemaining is how much of a quota is left to others: with less no manifest is fetched, while HEAD, which does not
	// count, goes on. 1 if zero.
	MinRemaining int
}

// AnyHost stands for every registry that no other name is for.
const AnyHost = "*"

// paces keep the peace with each registry.
type paces struct {
	mu    sync.Mutex
	all   map[string]*pace
	rules map[string]Pace
}

// pace is the peace with one.
type pace struct {
	host                      string
	slots, downloads, uploads chan struct{}
	rate                      *rate.Limiter

	mu     sync.Mutex
	keep   int               // of the quota
	blocks map[string]block  // by login, since registries count each account apart
	quotas map[string]*quota // likewise
}

// block is a registry's wish to be left alone.
type block struct {
	until time.Time
	why   answer
}

// need is what a request asks of the peace.
type need struct {
	who string // which login
	// manifest is set where a manifest is fetched, which is what quotas count.
	manifest         bool
	upload, download bool
	// own is set at a registry that we write to: it is not spared, only not overwhelmed.
	own bool
}

// set replaces what is asked at most, by host.
func (p *paces) set(rules map[string]Pace) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rules = rules
	for host, h := range p.all {
		h.apply(p.rule(host))
	}
}

func (p *paces) rule(host string) Pace {
	r, ok := p.rules[host]
	if !ok {
		r = p.rules[AnyHost]
	}
	return Pace{PerSecond: orElse(r.PerSecond, hostPerSecond), MinRemaining: orElse(r.MinRemaining, 1)}
}

func (h *pace) apply(r Pace) {
	h.rate.SetLimit(rate.Limit(r.PerSecond))
	h.rate.SetBurst(max(1, int(r.PerSecond)))
	h.mu.Lock()
	defer h.mu.Unlock()
	h.keep = r.MinRemaining
}

func (p *paces) of(host string) *pace {
	p.mu.Lock()
	defer p.mu.Unlock()
	h, ok := p.all[host]
	if !ok {
		if p.all == nil || len(p.all) >= maxHosts {
			p.all = map[string]*pace{}
		}
		h = &pace{
			host: host, slots: make(chan struct{}, hostAtOnce), downloads: make(chan struct{}, hostDownloads), uploads: make(chan struct{}, hostUploads),
			rate: rate.NewLimiter(hostPerSecond, hostPerSecond), blocks: map[string]block{}, quotas: map[string]*quota{},
		}
		h.apply(p.rule(host))
		p.all[host] = h
	}
	return h
}

// turn waits for a turn; leave gives it back. It does not wait where a registry asked to be left alone: it says until when.
func (h *pace) turn(ctx context.Context, n need) (leave func(), err error) {
	if a := h.barred(n, time.Now()); a != nil {
		return nil, a
	}
	slots := h.slots
	switch {
	case n.upload:
		slots = h.uploads
	case n.download:
		slots = h.downloads
	}
	done := h.queue()
	defer done()
	select {
	case slots <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for a turn: %w", ctx.Err())
	}
	leave = sync.OnceFunc(func() { <-slots })
	if !n.own {
		if err := h.rate.Wait(ctx); err != nil {
			leave()
			return nil, fmt.Errorf("waiting for a turn: %w", err)
		}
	}
	// What was said to others in the meantime holds for us too.
	if a := h.barred(n, time.Now()); a != nil {
		leave()
		return nil, a
	}
	h.spend(n)
	return leave, nil
}

// queue counts who waits.
func (h *pace) queue() (done func()) {
	depth := queueDepth.WithLabelValues(hostLabel(h.host))
	depth.Inc()
	return depth.Dec
}

// barred says why, and until when, a login is not to ask now.
func (h *pace) barred(n need, now time.Time) *answer {
	h.mu.Lock()
	defer h.mu.Unlock()
	if b, ok := h.blocks[n.who]; ok && now.Before(b.until) {
		a := b.why
		a.after, a.unasked = b.until.Sub(now), true
		return &a
	}
	if q := h.quotas[n.who]; n.manifest && q != nil && q.remaining < h.keep && now.Before(q.until) {
		return &answer{
			reason:  image.ReasonThrottled,
			words:   "its quota is used up, but for what is kept for others",
			fix:     "wait, or add credentials with a higher limit, or let an operator name a mirror",
			after:   q.until.Sub(now),
			unasked: true,
		}
	}
	return nil
}

// block notes that a login is to keep away, if that is what the answer says.
func (h *pace) block(login string, a *answer, now time.Time) {
	if a.unasked || a.after == 0 {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for l, b := range h.blocks {
		if now.After(b.until) {
			delete(h.blocks, l)
		}
	}
	h.blocks[login] = block{until: now.Add(a.after), why: *a}
}
