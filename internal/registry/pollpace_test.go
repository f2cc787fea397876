// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"fmt"
	"testing"
	"time"

	"rhumb.run/rhumb/internal/core/image"
)

func TestRetryAfter(t *testing.T) {
	polling(t, func(t *testing.T, w *world, p *Poller, woken func() int) {
		w.set("", &image.Failure{Reason: image.ReasonThrottled, Detail: "429", After: 30 * time.Minute})
		p.Watch(obj(1), target(t, "reg.example.com/a", time.Second))
		wait(0)
		p.Watch(obj(2), target(t, "reg.example.com/b", time.Second))
		p.Nudge(image.Pushed{Repository: "a"})
		wait(29 * time.Minute)
		if polls := w.count(); polls != 1 {
			t.Errorf("%d polls of a registry that asked for peace", polls)
		}
		if woken() != 2 || p.Watch(obj(2), target(t, "reg.example.com/b", time.Second)).Failure.Reason != image.ReasonThrottled {
			t.Error("the other image on it was not told why it has to wait")
		}
		other := target(t, "reg.example.com/a", time.Second)
		other.Logins = image.Logins{{Host: "reg.example.com", Username: "paying"}}
		w.set(digest("a"), nil)
		p.Watch(obj(3), other)
		wait(0)
		if w.count() != 1 {
			t.Error("another account has a limit of its own")
		}
		wait(3 * time.Minute)
		if p.Watch(obj(1), target(t, "reg.example.com/a", time.Second)).Digest != digest("a") {
			t.Error("not polled after the time that was asked for")
		}
	})
}

// What is known of an image stays known while its registry may not be asked.
func TestUnaskedIsNoFailure(t *testing.T) {
	polling(t, func(t *testing.T, w *world, p *Poller, _ func() int) {
		w.set(digest("a"), nil)
		known := target(t, "reg.example.com/a", time.Hour)
		p.Watch(obj(1), known)
		wait(10 * time.Second)
		w.set("", &image.Failure{Reason: image.ReasonThrottled, Detail: "429", After: 30 * time.Minute})
		p.Watch(obj(2), target(t, "reg.example.com/b", time.Hour))
		wait(time.Second)
		p.Look(obj(1))
		wait(time.Minute)
		if s := p.Watch(obj(1), known); s.Failure != nil || s.Digest != digest("a") {
			t.Errorf("it was not asked, and is said to have failed: %+v", s)
		}
	})
}

func TestManners(t *testing.T) {
	polling(t, func(t *testing.T, w *world, p *Poller, _ func() int) {
		w.took = 100 * time.Millisecond
		for i := range 500 {
			p.Watch(obj(i), target(t, fmt.Sprint("reg.example.com/a", i), time.Hour))
		}
		wait(time.Second)
		w.mu.Lock()
		most := w.most
		w.mu.Unlock()
		if polls := w.count(); polls > hostPerSecond*2 || most > hostAtOnce {
			t.Errorf("%d polls in a second, %d at once", polls, most)
		}
		wait(time.Minute)
		if polls := w.count(); polls < 400 {
			t.Errorf("only %d more in a minute", polls)
		}
	})
}
