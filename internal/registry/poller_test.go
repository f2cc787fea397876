// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	dto "github.com/prometheus/client_model/go"
	"k8s.io/apimachinery/pkg/types"

	"rhumb.run/rhumb/internal/core/image"
)

// world is a resolver whose images the test moves, in a bubble's time.
type world struct {
	mu      sync.Mutex
	digest  string
	failure *image.Failure
	took    time.Duration
	polls   []time.Time
	atOnce  int
	most    int
	paces   paces
}

func (w *world) Resolve(ctx context.Context, ref image.Ref, logins image.Logins) (string, error) {
	who := logins.Digest()
	leave, err := w.paces.of(ref.Host).turn(ctx, need{who: who})
	if err != nil {
		return "", asFailure(err)
	}
	defer leave()
	w.mu.Lock()
	w.polls = append(w.polls, time.Now())
	w.atOnce++
	w.most = max(w.most, w.atOnce)
	took := w.took
	w.mu.Unlock()
	select {
	case <-time.After(took):
	case <-ctx.Done():
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.atOnce--
	if f := w.failure; f != nil {
		w.paces.of(ref.Host).block(who, &answer{reason: f.Reason, words: f.Detail, after: f.After}, time.Now())
		return "", f
	}
	return w.digest, nil
}

func (w *world) set(digest string, f *image.Failure) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.digest, w.failure = digest, f
}

// count returns the polls since it was called last.
func (w *world) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := len(w.polls)
	w.polls = nil
	return n
}

func digest(c string) string { return "sha256:" + strings.Repeat(c, 64) }

func target(t *testing.T, s string, every time.Duration) image.Target {
	t.Helper()
	r, err := image.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return image.Target{Ref: r, Interval: every}
}

func obj(i int) types.NamespacedName {
	return types.NamespacedName{Namespace: "team", Name: fmt.Sprint("o", i)}
}

// polling runs a test in a bubble, with a poller that ends with it.
func polling(t *testing.T, test func(t *testing.T, w *world, p *Poller, woken func() int)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{digest: digest("a")}
		p := NewPoller(w, NewHosts().Alias)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go func() { _ = p.Start(ctx) }()
		var mu sync.Mutex
		n := 0
		p.OnChange(func(types.NamespacedName) {
			mu.Lock()
			defer mu.Unlock()
			n++
		})
		test(t, w, p, func() int {
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			was := n
			n = 0
			return was
		})
	})
}

func TestOnePollForAll(t *testing.T) {
	polling(t, func(t *testing.T, w *world, p *Poller, woken func() int) {
		w.took = time.Second
		for i := range 1000 {
			p.Watch(obj(i), target(t, "localhost:5000/apps/demo", time.Minute))
		}
		wait(time.Second)
		if polls, woke := w.count(), woken(); polls != 1 || woke != 1000 {
			t.Fatalf("%d polls woke %d of 1000", polls, woke)
		}
		wait(10 * time.Minute)
		if polls, woke := w.count(), woken(); polls < 9 || polls > 11 || woke != 0 {
			t.Errorf("in ten minutes of nothing: %d polls, %d woken", polls, woke)
		}
		w.set(digest("b"), nil)
		wait(64 * time.Second)
		if woke := woken(); woke != 1000 || p.Watch(obj(7), target(t, "localhost:5000/apps/demo", time.Minute)).Digest != digest("b") {
			t.Errorf("a move within an interval woke %d of 1000", woke)
		}
		for i := range 1000 {
			p.Forget(obj(i))
		}
		w.count()
		wait(time.Hour)
		if polls := w.count(); polls != 0 {
			t.Errorf("%d polls for nobody", polls)
		}
	})
}

func TestPollsApart(t *testing.T) {
	polling(t, func(t *testing.T, w *world, p *Poller, _ func() int) {
		a := target(t, "localhost:5000/apps/demo", time.Minute)
		b := target(t, "localhost:5000/apps/demo:v2", time.Minute)
		c := a
		c.Logins = image.Logins{{Host: "localhost:5000", Username: "u"}}
		p.Watch(obj(1), a)
		p.Watch(obj(2), b)
		p.Watch(obj(3), c)
		wait(0)
		if polls := w.count(); polls != 3 {
			t.Errorf("%d polls for two tags and two logins", polls)
		}
	})
}

func TestEagerest(t *testing.T) {
	polling(t, func(t *testing.T, w *world, p *Poller, _ func() int) {
		p.Watch(obj(1), target(t, "a", time.Hour))
		wait(time.Minute)
		w.count()
		p.Watch(obj(2), target(t, "a", time.Minute))
		wait(10 * time.Minute)
		if polls := w.count(); polls < 9 {
			t.Errorf("%d polls in ten minutes for one who wants one a minute", polls)
		}
		p.Forget(obj(2))
		wait(2 * time.Minute)
		w.count()
		wait(50 * time.Minute)
		if polls := w.count(); polls > 1 {
			t.Errorf("%d polls in 50 minutes for one who wants one an hour", polls)
		}
	})
}

func TestRestartAtRest(t *testing.T) {
	polling(t, func(t *testing.T, w *world, p *Poller, woken func() int) {
		for i := range 100 {
			at := target(t, fmt.Sprint("reg.example.com/a", i), 10*time.Minute)
			at.Known = digest("a")
			p.Watch(obj(i), at)
		}
		wait(time.Minute)
		if polls := w.count(); polls > 40 {
			t.Errorf("%d of 100 known images polled in the first of ten minutes", polls)
		}
		wait(10 * time.Minute)
		if polls := w.count() + 40; polls < 100 {
			t.Errorf("some were not polled within their interval: %d", polls)
		}
		woken()
	})
}

func TestFailuresBackOff(t *testing.T) {
	polling(t, func(t *testing.T, w *world, p *Poller, woken func() int) {
		w.set("", &image.Failure{Reason: image.ReasonUnreachable, Detail: "down"})
		p.Watch(obj(1), target(t, "a", time.Minute))
		wait(0)
		if woken() != 1 {
			t.Error("nobody was told of the failure")
		}
		wait(time.Hour)
		polls := w.count()
		if polls < 25 || polls > 45 {
			t.Errorf("%d polls in an hour of an outage", polls)
		}
		if woke := woken(); woke != 0 {
			t.Errorf("the same failure was told %d times", woke)
		}
		w.set(digest("a"), nil)
		p.Retry()
		wait(hookGap)
		if woken() != 1 || p.Watch(obj(1), target(t, "a", time.Minute)).Digest != digest("a") {
			t.Error("after a change of configuration the image was not looked at")
		}
		w.set("", &image.Failure{Reason: image.ReasonRemote, Detail: "500"})
		wait(65 * time.Second)
		if s := p.Watch(obj(1), target(t, "a", time.Minute)); s.Digest != digest("a") || s.Failure == nil {
			t.Errorf("an outage took the digest with it: %+v", s)
		}
	})
}

func TestNudge(t *testing.T) {
	polling(t, func(t *testing.T, w *world, p *Poller, woken func() int) {
		p.Watch(obj(1), target(t, "localhost:5000/apps/demo", time.Hour))
		p.Watch(obj(2), target(t, "localhost:5000/apps/other", time.Hour))
		wait(10 * time.Second)
		w.count()
		woken()
		w.set(digest("b"), nil)
		for range 100 {
			p.Nudge(image.Pushed{Host: "localhost:5000", Repository: "apps/demo", Tag: "latest"})
		}
		wait(0)
		if polls, woke := w.count(), woken(); polls != 1 || woke != 1 {
			t.Errorf("a hundred hooks: %d polls at once, %d woken", polls, woke)
		}
		for range 10_000 {
			p.Nudge(image.Pushed{Repository: "apps/demo"})
			wait(time.Millisecond)
		}
		if polls := w.count(); polls < 4 || polls > 6 {
			t.Errorf("%d polls in ten seconds of hooks, want one in two", polls)
		}
	})
}

// A registry may tell of a push before its tag has moved.
func TestNudgeBeforeTheTagMoves(t *testing.T) {
	polling(t, func(t *testing.T, w *world, p *Poller, woken func() int) {
		p.Watch(obj(1), target(t, "a/b", time.Hour))
		wait(time.Minute)
		w.count()
		woken()
		p.Nudge(image.Pushed{Host: "docker.io", Repository: "a/b"})
		wait(time.Second)
		w.set(digest("b"), nil)
		wait(2 * hookGap)
		if woke := woken(); woke != 1 {
			t.Errorf("%d woken, want one soon after the tag moved", woke)
		}
		wait(time.Minute)
		if polls := w.count(); polls != 2 {
			t.Errorf("%d polls for one push, want the one that came too early and the one that saw it", polls)
		}
		p.Nudge(image.Pushed{Host: "docker.io", Repository: "a/b"})
		wait(time.Minute)
		if polls := w.count(); polls != 1+doubts {
			t.Errorf("%d polls for a push that changes nothing, want %d", polls, 1+doubts)
		}
	})
}

// A push while a poll is under way may not be in its answer.
func TestNudgeDuringPoll(t *testing.T) {
	polling(t, func(t *testing.T, w *world, p *Poller, _ func() int) {
		w.took = 5 * time.Second
		p.Watch(obj(1), target(t, "a/b", time.Hour))
		wait(time.Second)
		p.Nudge(image.Pushed{Host: "docker.io", Repository: "a/b"})
		wait(20 * time.Second)
		if polls := w.count(); polls != 2 {
			t.Errorf("%d polls, want another after the one that ran", polls)
		}
	})
}

func TestPinned(t *testing.T) {
	polling(t, func(t *testing.T, w *world, p *Poller, _ func() int) {
		p.Watch(obj(1), target(t, "a@"+digest("a"), time.Second))
		wait(50 * time.Minute)
		if polls := w.count(); polls != 1 {
			t.Errorf("%d polls of what cannot move", polls)
		}
	})
}

// Objects that change what they watch leave nothing behind.
func TestRetarget(t *testing.T) {
	polling(t, func(t *testing.T, w *world, p *Poller, woken func() int) {
		w.took = time.Second
		p.Watch(obj(1), target(t, "a", time.Minute))
		wait(500 * time.Millisecond)
		if s := p.Watch(obj(1), target(t, "b", time.Minute)); !s.Pending() {
			t.Errorf("the new image is seen as %+v", s)
		}
		wait(10 * time.Second)
		if woke := woken(); woke != 1 || len(p.polls) != 1 || len(p.keys) != 1 || len(p.repos) != 1 {
			t.Errorf("woken %d times, %d polls, %d keys", woke, len(p.polls), len(p.keys))
		}
	})
}

// poison answers in a way that our own reader cannot take.
type poison struct{}

func (poison) Resolve(context.Context, image.Ref, image.Logins) (string, error) { panic("poison") }

func TestPoisonAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPoller(poison{}, NewHosts().Alias)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go func() { _ = p.Start(ctx) }()
		before := counted(t, "poison.example.com", image.ReasonRemote)
		p.Watch(obj(1), target(t, "poison.example.com/a", time.Hour))
		wait(time.Second)
		s := p.Watch(obj(1), target(t, "poison.example.com/a", time.Hour))
		if s.Failure == nil || s.Failure.Reason != image.ReasonRemote {
			t.Errorf("a panic was seen as %+v", s)
		}
		if n := counted(t, "poison.example.com", image.ReasonRemote) - before; n != 1 {
			t.Errorf("counted %v times", n)
		}
	})
}

func counted(t *testing.T, host, outcome string) float64 {
	t.Helper()
	var m dto.Metric
	if err := pollsTotal.WithLabelValues(host, outcome).Write(&m); err != nil {
		t.Fatal(err)
	}
	return m.GetCounter().GetValue()
}
