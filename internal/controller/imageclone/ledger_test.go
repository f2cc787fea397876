// SPDX-License-Identifier: Apache-2.0

package imageclone

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"

	"rhumb.run/rhumb/internal/core/clone"
	"rhumb.run/rhumb/internal/core/image"
)

// slow copies an image when it is told to.
type slow struct {
	arrived atomic.Int32
	began   chan string
	gate    chan struct{}
	ended   chan error
}

func (s *slow) Copy(ctx context.Context, j clone.Job, _ func(clone.Progress)) (clone.Outcome, error) {
	s.began <- j.Source.Written
	select {
	case <-s.gate:
		s.arrived.Add(1)
		return clone.Outcome{Digest: "sha256:a"}, nil
	case <-ctx.Done():
		s.ended <- ctx.Err()
		return clone.Outcome{}, ctx.Err()
	}
}

func (*slow) Look(context.Context, image.Ref, image.Logins) (string, error) { return "sha256:a", nil }
func (*slow) Delete(context.Context, image.Ref, image.Logins) error         { return nil }
func (s *slow) ledger(t *testing.T) *ledger {
	t.Helper()
	s.began, s.gate, s.ended = make(chan string, 100), make(chan struct{}), make(chan error, 100)
	l := newLedger(s, func(_ context.Context, c clone.Choice, _ []User) (clone.Job, error) {
		return clone.Job{Source: c.Origin, Copying: c.Policy.Copy}, nil
	}, func(User) {}, logr.Discard())
	return l
}

func choiceFor(t *testing.T, policy, written string) clone.Choice {
	t.Helper()
	origin, err := image.Parse(written)
	if err != nil {
		t.Fatal(err)
	}
	p := &clone.Policy{Name: policy, Target: clone.Target{Host: "reg.example.com"}}
	c := clone.Choice{Origin: origin, Policy: p}
	if c.Copy, err = p.Target.Of(origin); err != nil {
		t.Fatal(err)
	}
	return c
}

func named(name string) User {
	return User{"Deployment", types.NamespacedName{Namespace: "demo", Name: name}}
}

func eventually(t *testing.T, what string, fact func() bool) {
	t.Helper()
	err := wait.PollUntilContextTimeout(t.Context(), time.Millisecond, time.Minute, true, func(context.Context) (bool, error) { return fact(), nil })
	if err != nil {
		t.Fatalf("waiting until %s: %v", what, err)
	}
}

// A copy that waits for its turn may lose its policy, and be asked for by another before its turn has come.
func TestPolicyTakenAwayInTheQueue(t *testing.T) {
	for name, again := range map[string]bool{"AskedAgainBefore": true, "AskedAgainAfter": false} {
		t.Run(name, func(t *testing.T) {
			s := &slow{}
			l := s.ledger(t)
			for _, img := range []string{"a", "b", "c", "d"} {
				l.Want(named(img), []clone.Choice{choiceFor(t, "other", img)})
				<-s.began
			}
			l.Want(named("web"), []clone.Choice{choiceFor(t, "one", "web")})
			key := KeyOf(choiceFor(t, "one", "web"))
			eventually(t, "it waits", func() bool { d, _ := l.Describe(key); return d.running })
			l.Policies(clone.Policies{{Name: "other"}})
			ask := func() { l.Want(named("web"), []clone.Choice{choiceFor(t, "two", "web")}) }
			if again {
				ask()
			}
			close(s.gate)
			if !again {
				eventually(t, "its turn has come", func() bool { d, _ := l.Describe(key); return !d.running })
				ask()
			}
			eventually(t, "it is copied", func() bool { d, _ := l.Describe(key); return d.known.There })
			if got := <-s.began; got != "web" {
				t.Errorf("copied was %s", got)
			}
		})
	}
}

// Whoever is to end begins no copy, and waits for those that are on their way.
func TestLedgerEnds(t *testing.T) {
	s := &slow{}
	l := s.ledger(t)
	for _, img := range []string{"a", "b", "c", "d"} {
		l.Want(named(img), []clone.Choice{choiceFor(t, "p", img)})
		<-s.began
	}
	l.Want(named("e"), []clone.Choice{choiceFor(t, "p", "e")})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- l.Start(ctx) }()
	cancel()
	eventually(t, "it begins no copy", func() bool { l.mu.Lock(); defer l.mu.Unlock(); return l.closed })
	close(s.gate)
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if got := s.arrived.Load(); got != 4 {
		t.Errorf("%d of 4 copies arrived before its end", got)
	}
	if len(s.began) > 0 {
		t.Errorf("%s was begun", <-s.began)
	}
}

// A copy that is at its end when its last user leaves is there, and is known of.
func TestLeftAtTheEnd(t *testing.T) {
	s := &slow{}
	l := s.ledger(t)
	c := choiceFor(t, "p", "web")
	l.changed = func(Key) {}
	e := &entry{choice: c, users: map[User]bool{}, running: true, cancel: func() {}}
	l.end(KeyOf(c), e, clone.Outcome{Digest: "sha256:a"}, nil)
	if d, ok := l.Describe(KeyOf(c)); !ok || !d.known.There || d.outcome.Digest != "sha256:a" {
		t.Errorf("it is %+v", d)
	}
}

// A copy that was left a moment ago is known to be there, although nothing is written down of it yet.
func TestLeftAndAskedForAgain(t *testing.T) {
	s := &slow{}
	l := s.ledger(t)
	l.changed, l.recall = func(Key) {}, func(context.Context, Key, string) (Recalled, bool) { return Recalled{}, false }
	c := choiceFor(t, "p", "web")
	l.Want(named("web"), []clone.Choice{c})
	<-s.began
	close(s.gate)
	eventually(t, "it is copied", func() bool { return l.Known(c).There })
	s.gate = make(chan struct{}) // what is begun from here on is not at its end
	t.Cleanup(func() { close(s.gate) })
	l.Want(named("web"), nil)
	l.Want(named("web"), []clone.Choice{choiceFor(t, "other", "web")})
	if l.Known(c).There {
		t.Error("what another policy had is another registry, for all we know")
	}
	l.Want(named("web"), nil)
	l.left[KeyOf(c)] = description{policy: c.Policy, outcome: clone.Outcome{Digest: "sha256:a"}}
	l.Want(named("web"), []clone.Choice{c})
	if got := l.Known(c); !got.There || got.Digest != "sha256:a" {
		t.Errorf("it is forgotten: %+v", got)
	}
}

// A copy that is on its way ends with its last user, and not before.
func TestLastUserLeaves(t *testing.T) {
	s := &slow{}
	l := s.ledger(t)
	c := choiceFor(t, "p", "web")
	l.Want(named("web"), []clone.Choice{c})
	<-s.began
	l.Want(named("other"), []clone.Choice{c})
	l.mu.Lock()
	e, cancelled := l.all[KeyOf(c)], 0
	cancel := e.cancel
	e.cancel = func() { cancelled++; cancel() }
	l.mu.Unlock()
	l.Want(named("web"), nil)
	if cancelled > 0 || !l.Used(KeyOf(c)) {
		t.Error("somebody wants it still")
	}
	l.Want(named("other"), nil)
	eventually(t, "it ends", func() bool { return len(s.ended) == 1 })
}

// A policy that takes over what another one had copied gets what it asks for: if that is something else, it is copied anew.
func TestTakenOver(t *testing.T) {
	for name, c := range map[string]struct {
		why       string
		platforms []string
		copied    bool
	}{
		"Same": {"what is there will do", nil, false},
		"Else": {"some of it may not be there", []string{"linux/amd64"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := &slow{}
			l := s.ledger(t)
			was := choiceFor(t, "former", "web")
			l.Want(named("web"), []clone.Choice{was})
			<-s.began
			close(s.gate)
			eventually(t, "it is copied", func() bool { return l.Known(was).There })
			l.Policies(nil)
			now := choiceFor(t, "next", "web")
			now.Policy.Copy.Platforms = c.platforms
			l.Want(named("web"), []clone.Choice{now})
			key := KeyOf(now)
			eventually(t, "it is looked at again", func() bool {
				l.mu.Lock()
				defer l.mu.Unlock()
				e := l.all[key]
				return !e.running && e.next.After(time.Now().Add(time.Minute))
			})
			if got := len(s.began) > 0; got != c.copied {
				t.Errorf("%s: copied anew is %v", c.why, got)
			}
		})
	}
}
