// SPDX-License-Identifier: Apache-2.0

package loop_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"rhumb.run/rhumb/internal/fault"
	"rhumb.run/rhumb/internal/loop"
)

func key(namespace, name string) reconcile.Request {
	return reconcile.Request{NamespacedName: types.NamespacedName{Namespace: namespace, Name: name}}
}

var (
	denied  = fault.Denyf("R", "forbidden")
	errLost = errors.New("connection lost")
)

func TestSettle(t *testing.T) {
	cases := map[string]struct {
		why   string
		err   error
		later time.Duration
		again bool
	}{
		"Done":         {"a watch wakes us", nil, 0, false},
		"Wait":         {"a watch wakes us", fault.Waitf("R", "not yet"), 0, false},
		"Reject":       {"nothing changes until someone changes a spec", fault.Rejectf("R", "typo"), 0, false},
		"Deny":         {"a right may be granted unseen", denied, time.Second, false},
		"Retry":        {"the queue's own backoff", errLost, 0, true},
		"WaitAndDeny":  {"the soonest retry decides", errors.Join(fault.Waitf("R", "not yet"), denied), time.Second, false},
		"DenyAndRetry": {"the soonest retry decides", errors.Join(denied, errLost), 0, true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			result, err := loop.New().Settle(key("dev", "app"), c.err)
			if result.RequeueAfter != c.later || (err != nil) != c.again {
				t.Errorf("%s: %v, %v; want %v, again: %v", c.why, result, err, c.later, c.again)
			}
			if c.again && !errors.Is(err, errLost) {
				t.Errorf("the queue hears of another error: %v", err)
			}
		})
	}
}

func settle(l *loop.Loop, k reconcile.Request, err error) time.Duration {
	result, _ := l.Settle(k, err)
	return result.RequeueAfter
}

func TestDeniedBackOff(t *testing.T) {
	l, app := loop.New(), key("dev", "app")
	var got []time.Duration
	for range 12 {
		got = append(got, settle(l, app, denied))
	}
	s := time.Second
	want := []time.Duration{s, 2 * s, 4 * s, 8 * s, 16 * s, 32 * s, 64 * s, 128 * s, 256 * s, 300 * s, 300 * s, 300 * s}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("twice as long each time, up to five minutes:\n%s", diff)
	}
	for range 100 {
		if got := settle(l, app, denied); got != 300*s {
			t.Fatalf("after many: %v", got)
		}
	}
	if got := settle(l, key("dev", "other"), denied); got != s {
		t.Errorf("another owner starts anew: %v", got)
	}
	settle(l, app, nil)
	if got := settle(l, app, denied); got != s {
		t.Errorf("so does one who got through: %v", got)
	}
}

func names(requests []reconcile.Request) string {
	var out []string
	for _, r := range requests {
		out = append(out, r.String())
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

func TestDenied(t *testing.T) {
	l := loop.New()
	for _, k := range []reconcile.Request{key("dev", "a"), key("dev", "b"), key("prod", "c")} {
		settle(l, k, denied)
		settle(l, k, denied)
	}
	settle(l, key("dev", "fine"), nil)
	settle(l, key("dev", "waits"), fault.Waitf("R", "not yet"))
	settle(l, key("dev", "b"), nil)
	if got := names(l.Denied("dev")); got != "dev/a" {
		t.Errorf("refused in dev: %q: those who got through since are not among them", got)
	}
	if got := settle(l, key("dev", "a"), denied); got != time.Second {
		t.Errorf("rights changed: the backoff starts anew, not with %v", got)
	}
	if got := settle(l, key("prod", "c"), denied); got != 4*time.Second {
		t.Errorf("elsewhere it goes on, not with %v", got)
	}
	if got := names(l.Denied("")); got != "dev/a prod/c" {
		t.Errorf("refused anywhere: %q", got)
	}
	l.Forget(key("dev", "a"))
	if got := names(l.Denied("")); got != "prod/c" {
		t.Errorf("one who is gone is forgotten: %q", got)
	}
}

// The queue tries again soon at first, and soon enough once an API server is back.
func TestLimiter(t *testing.T) {
	limiter, app := loop.Limiter(), key("dev", "app")
	if got := limiter.When(app); got != 20*time.Millisecond {
		t.Errorf("first: %v", got)
	}
	last := time.Duration(0)
	for range 50 {
		last = limiter.When(app)
	}
	if last != 15*time.Second {
		t.Errorf("at last: %v", last)
	}
}
