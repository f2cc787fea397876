// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"rhumb.run/rhumb/internal/registry"
)

// meter shows what is on its way: on a terminal one live line for each image, below what has been said; elsewhere a line now
// and then, for logs.
type meter struct {
	io    *streams
	live  bool
	quiet bool
	width int
	stop  func()

	mu    sync.Mutex
	lines []*line
	drawn int
}

// line is one image.
type line struct {
	meter *meter
	name  string
	since time.Time
	told  time.Time

	mu  sync.Mutex
	now registry.Progress
}

const (
	frame = 100 * time.Millisecond
	// between is how often something is said of a long copy where nobody watches.
	between = 15 * time.Second
)

func newMeter(io *streams, quiet bool) *meter {
	m := &meter{io: io, quiet: quiet, live: !quiet && bool(painter(io.err)), width: 100}
	if m.live {
		if w, _, err := term.GetSize(int(os.Stderr.Fd())); err == nil && w > 20 {
			m.width = w
		}
	}
	tick, done := time.NewTicker(frame), make(chan struct{})
	var once sync.Once
	var over sync.WaitGroup
	over.Go(func() {
		for {
			select {
			case now := <-tick.C:
				m.tick(now)
			case <-done:
				return
			}
		}
	})
	m.stop = func() { once.Do(func() { tick.Stop(); close(done) }); over.Wait() }
	return m
}

func (m *meter) begin(name string) *line {
	now := time.Now()
	l := &line{meter: m, name: name, since: now, told: now}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lines = append(m.lines, l)
	return l
}

func (l *line) progress(p registry.Progress) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.now = p
}

func (l *line) end() {
	l.meter.mu.Lock()
	defer l.meter.mu.Unlock()
	l.meter.lines = slices.DeleteFunc(l.meter.lines, func(o *line) bool { return o == l })
}

// words are how far it is.
func (l *line) words(now time.Time) string {
	l.mu.Lock()
	p := l.now
	l.mu.Unlock()
	if p.AllBlobs == 0 {
		return l.name + "  asking"
	}
	out := fmt.Sprintf("%s  %s of %s  %d of %d blobs", l.name, size(p.Sent+p.Mounted+p.Skipped), size(p.Total), p.Blobs, p.AllBlobs)
	if took := now.Sub(l.since).Seconds(); took > 0.5 && p.Sent > 0 {
		out += fmt.Sprintf("  %s/s", size(int64(float64(p.Sent)/took)))
	}
	return out
}

func (m *meter) tick(now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.quiet:
	case m.live:
		m.draw(now)
	default:
		for _, l := range m.lines {
			if now.Sub(l.told) >= between {
				l.told = now
				sayf(m.io.err, "copying    %s\n", l.words(now))
			}
		}
	}
}

// draw writes the live lines over those of before.
func (m *meter) draw(now time.Time) {
	var b strings.Builder
	b.WriteString(m.erase())
	for _, l := range m.lines {
		b.WriteString(cut("  "+l.words(now), m.width-1) + "\n")
	}
	m.drawn = len(m.lines)
	sayf(m.io.err, "%s", b.String())
}

// erase moves up over the live lines and takes them away.
func (m *meter) erase() string {
	if m.drawn == 0 {
		return ""
	}
	up := fmt.Sprintf("\x1b[%dA\r\x1b[J", m.drawn)
	m.drawn = 0
	return up
}

func cut(s string, width int) string {
	r := []rune(s)
	if len(r) <= width {
		return s
	}
	return string(r[:width-1]) + "…"
}

// say is for what came to its end well.
func (m *meter) say(format string, args ...any) {
	if !m.quiet {
		m.above(m.io.out, format, args...)
	}
}

// failed is for what did not.
func (m *meter) failed(format string, args ...any) { m.above(m.io.err, format, args...) }

func (m *meter) above(w io.Writer, format string, args ...any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.live {
		sayf(m.io.err, "%s", m.erase())
	}
	sayf(w, format+"\n", args...)
	if m.live {
		m.draw(time.Now())
	}
}

// end takes the live lines away.
func (m *meter) end() {
	m.stop()
	m.mu.Lock()
	defer m.mu.Unlock()
	sayf(m.io.err, "%s", m.erase())
}
