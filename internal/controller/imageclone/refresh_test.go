// SPDX-License-Identifier: Apache-2.0

package imageclone

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"rhumb.run/rhumb/internal/core/clone"
	"rhumb.run/rhumb/internal/core/image"
)

// tally is an engine at which everything is there, which counts.
type tally struct {
	mu             sync.Mutex
	copied, looked int
}

func (e *tally) Copy(context.Context, clone.Job, func(clone.Progress)) (clone.Outcome, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.copied++
	return clone.Outcome{SourceDigest: "sha256:1", Digest: "sha256:1", Already: true}, nil
}

func (e *tally) Look(context.Context, image.Ref, image.Logins) (string, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.looked++
	return "sha256:1", nil
}

func (*tally) Delete(context.Context, image.Ref, image.Logins) error { return nil }

// A tag is looked at again as often as its policy says, if it is one of those that the policy means, however many use it.
func TestRefresh(t *testing.T) {
	const every = time.Hour
	digest := "@sha256:" + "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	for name, c := range map[string]struct {
		why     string
		mode    clone.Refresh
		image   string
		pull    corev1.PullPolicy
		again   int // in three and a half intervals
		checked int // by the target alone, in a day
	}{
		"AutoLatest":   {"a node would look, too", clone.RefreshAuto, "app", corev1.PullAlways, 3, 0},
		"AutoAlways":   {"likewise, by its pull policy", clone.RefreshAuto, "app:1.2", corev1.PullAlways, 3, 0},
		"AutoOther":    {"no node would", clone.RefreshAuto, "app:1.2", corev1.PullIfNotPresent, 0, 1},
		"Interval":     {"all tags", clone.Interval, "app:1.2", corev1.PullIfNotPresent, 3, 0},
		"IntervalPin":  {"a digest never moves", clone.Interval, "app:1.2" + digest, corev1.PullAlways, 0, 1},
		"Never":        {"none at all", clone.Never, "app", corev1.PullAlways, 0, 1},
		"NeverToldYet": {"a policy of the environment says nothing", "", "app", corev1.PullAlways, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &clone.Policy{Name: "p", Refresh: c.mode, Every: every}
				origin, err := image.Parse(c.image)
				if err != nil {
					t.Fatal(err)
				}
				choice := clone.Choice{Slot: clone.Slot{Key: "a", Image: c.image, Policy: c.pull}, Origin: origin, Policy: p, Copy: image.Ref{Host: "reg.example.com", Repository: "m", Tag: "1"}}
				e := &tally{}
				l := newLedger(e, func(context.Context, clone.Choice, []User) (clone.Job, error) { return clone.Job{}, nil }, func(User) {}, logr.Discard())
				for _, user := range []string{"one", "two", "three"} {
					l.Want(User{"Deployment", types.NamespacedName{Namespace: "shop", Name: user}}, []clone.Choice{choice})
				}
				<-time.After(every*3 + every/2) // the bubble's time
				synctest.Wait()
				if e.copied != 1+c.again || e.looked != 0 {
					t.Errorf("%s: looked at %d times, want the first and %d more; %d at the target alone", c.why, e.copied, c.again, e.looked)
				}
				<-time.After(24*time.Hour - every*7/2)
				synctest.Wait()
				if e.looked < c.checked || (c.checked == 0) != (e.looked == 0) {
					t.Errorf("%s: the target alone was asked %d times in a day", c.why, e.looked)
				}
				ctx, cancel := context.WithCancel(t.Context())
				cancel()
				if err := l.Start(ctx); err != nil {
					t.Error(err)
				}
			})
		})
	}
}
