// SPDX-License-Identifier: Apache-2.0

package imageadmission

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"

	"rhumb.run/rhumb/internal/core/clone"
	"rhumb.run/rhumb/internal/core/image"
)

const digest = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

// registries answer as a test says, and count.
type registries struct {
	mu      sync.Mutex
	copies  error
	origins error
	// hang lets every question wait for its end.
	hang          bool
	asked, begged atomic.Int64
}

func (r *registries) Copy(ctx context.Context, _ clone.Choice, _ string) error {
	r.asked.Add(1)
	return r.answer(ctx, &r.copies)
}

func (r *registries) Origin(ctx context.Context, _ clone.Choice) error {
	r.begged.Add(1)
	return r.answer(ctx, &r.origins)
}

func (r *registries) answer(ctx context.Context, err *error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.hang {
		<-ctx.Done()
		return ctx.Err()
	}
	return *err
}

func choice(t *testing.T, written string) clone.Choice {
	t.Helper()
	target, err := clone.ParseTarget("reg.example.com/m")
	if err != nil {
		t.Fatal(err)
	}
	origin, err := image.Parse(written)
	if err != nil {
		t.Fatal(err)
	}
	to, err := target.Of(origin)
	if err != nil {
		t.Fatal(err)
	}
	return clone.Choice{Slot: clone.Slot{Key: "a"}, Origin: origin, Copy: to, Policy: &clone.Policy{Name: "mirror", Target: target}}
}

func TestAsksOnce(t *testing.T) {
	clock := clocktesting.NewFakePassiveClock(time.Now())
	r := &registries{}
	s := newSeen(r, clock)
	var pods sync.WaitGroup
	for range 50 {
		pods.Go(func() {
			if f := s.copy(t.Context(), choice(t, "nginx:1"), digest, nil); f != nil {
				t.Error(f)
			}
		})
	}
	pods.Wait()
	if n := r.asked.Load(); n != 1 {
		t.Errorf("50 pods of one image asked %d times", n)
	}
	if f := s.copy(t.Context(), choice(t, "nginx:2"), digest, nil); f != nil || r.asked.Load() != 2 {
		t.Error("another image is another question")
	}
	clock.SetTime(clock.Now().Add(believed + time.Second))
	if f := s.copy(t.Context(), choice(t, "nginx:1"), digest, nil); f != nil || r.asked.Load() != 3 {
		t.Error("what was seen long ago is asked for again")
	}
	lately := metav1.NewTime(clock.Now().Add(-time.Minute))
	if f := s.copy(t.Context(), choice(t, "redis:7"), digest, &lately); f != nil || r.asked.Load() != 3 {
		t.Error("what was verified lately is believed")
	}
}

func TestDeadTarget(t *testing.T) {
	clock := clocktesting.NewFakePassiveClock(time.Now())
	r := &registries{hang: true}
	s := newSeen(r, clock)
	f := s.copy(t.Context(), choice(t, "nginx:1"), digest, nil)
	if f == nil || f.Reason != image.ReasonUnreachable {
		t.Fatalf("a registry that does not answer is %v", f)
	}
	for _, other := range []string{"nginx:1", "redis:7", "quay.io/a/b"} {
		if f := s.copy(t.Context(), choice(t, other), digest, nil); f == nil {
			t.Error("nobody answered there just now, and it was believed")
		}
	}
	if n := r.asked.Load(); n != 1 {
		t.Errorf("a registry at which nobody answered was asked %d times in ten seconds", n)
	}
	r.hang = false
	clock.SetTime(clock.Now().Add(doubted + time.Second))
	if f := s.copy(t.Context(), choice(t, "redis:7"), digest, nil); f != nil {
		t.Errorf("it is back, and is %v", f)
	}
}

func TestMissingCopy(t *testing.T) {
	clock := clocktesting.NewFakePassiveClock(time.Now())
	r := &registries{copies: &image.Failure{Reason: image.ReasonNotFound, Detail: "404"}}
	s := newSeen(r, clock)
	if f := s.copy(t.Context(), choice(t, "nginx:1"), digest, nil); f == nil || f.Reason != image.ReasonNotFound {
		t.Errorf("a copy that was lost is %v", f)
	}
	r.copies = nil
	if f := s.copy(t.Context(), choice(t, "redis:7"), digest, nil); f != nil {
		t.Errorf("another copy at that registry is %v", f)
	}
}

// Whoever asked gives up; the answer is for the next.
func TestImpatience(t *testing.T) {
	r := &registries{copies: errors.New("x")}
	s := newSeen(r, clocktesting.NewFakePassiveClock(time.Now()))
	r.mu.Lock() // the registry takes its time
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if f := s.copy(ctx, choice(t, "nginx:1"), digest, nil); f == nil || f.Reason != image.ReasonUnreachable {
		t.Errorf("no answer is %v", f)
	}
	r.mu.Unlock()
}
