// SPDX-License-Identifier: Apache-2.0

package push

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"rhumb.run/rhumb/internal/core/push"
	"rhumb.run/rhumb/internal/fault"
)

// cluster has a few GitRepositories and remembers who was asked when.
type cluster struct {
	mu      sync.Mutex
	start   time.Time
	sources []*unstructured.Unstructured
	asked   []string
	// fail is what the next questions meet.
	fail []error
}

func source(name, url, branch, owner string) *unstructured.Unstructured {
	u := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
		"metadata": map[string]any{"namespace": "dev", "name": name, "uid": "uid-" + name},
		"spec":     map[string]any{"url": url, "ref": map[string]any{"branch": branch}},
	}}
	if owner != "" {
		_ = unstructured.SetNestedSlice(u.Object, []any{map[string]any{"apiVersion": "carto.run/v1alpha1", "kind": "Workload", "name": owner, "uid": "w", "controller": true}},
			"metadata", "ownerReferences")
	}
	return u
}

func (c *cluster) run(t *testing.T) *Controller {
	c.start = time.Now()
	controller := New(Options{
		Stamped: func(context.Context) ([]*unstructured.Unstructured, error) { return c.sources, nil },
		ActorOf: func(_ context.Context, kind string, owner types.NamespacedName) (Actor, error) {
			if owner.Name == "gone" {
				return Actor{}, fault.Rejectf("", "it is gone")
			}
			return Actor{types.NamespacedName{Namespace: owner.Namespace, Name: "of-" + kind + "-" + owner.Name}, "chain"}, nil
		},
		Ask: func(_ context.Context, as Actor, u *unstructured.Unstructured) error {
			c.mu.Lock()
			defer c.mu.Unlock()
			if len(c.fail) > 0 {
				err := c.fail[0]
				c.fail = c.fail[1:]
				return err
			}
			c.asked = append(c.asked, fmt.Sprintf("%v %s as %s", time.Since(c.start), u.GetName(), as.Account))
			return nil
		},
		Log: logr.Discard(),
	})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- controller.Start(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return controller
}

// pass lets the bubble's clock go on, and all come to rest.
func pass(d time.Duration) { <-time.After(d); synctest.Wait() }

const app = "https://git.example.com/app"

var toMain = push.Pushed{Addresses: []string{app}, Refs: []string{"refs/heads/main"}}

func TestPushes(t *testing.T) {
	busy := errors.New("the server is busy")
	cases := map[string]struct {
		why     string
		sources []*unstructured.Unstructured
		fail    []error
		// pushes are when something is pushed.
		pushes []time.Duration
		want   []string
	}{
		"Once": {
			"whoever follows the branch is asked at once, as the account of its owner",
			[]*unstructured.Unstructured{source("a", app+".git", "main", "a"), source("b", app, "other", "b"), source("c", app+"2", "main", "c")},
			nil,
			[]time.Duration{0},
			[]string{"0s a as dev/of-Workload-a"},
		},
		"Again": {
			"what is pushed right after is not lost, and nobody is asked twice a second",
			[]*unstructured.Unstructured{source("a", app, "main", "a")},
			nil,
			[]time.Duration{0, 100 * time.Millisecond, 200 * time.Millisecond, 5 * time.Second},
			[]string{"0s a as dev/of-Workload-a", "1s a as dev/of-Workload-a", "5s a as dev/of-Workload-a"},
		},
		"Busy": {
			"a server that is out of breath is asked again",
			[]*unstructured.Unstructured{source("a", app, "main", "a")},
			[]error{busy, busy},
			[]time.Duration{0},
			[]string{"2.5s a as dev/of-Workload-a"},
		},
		"Down": {
			"but not for ever: the interval holds",
			[]*unstructured.Unstructured{source("a", app, "main", "a")},
			[]error{busy, busy, busy, busy, busy, busy, busy, busy},
			[]time.Duration{0},
			nil,
		},
		"Refused": {
			"nor is who refuses",
			[]*unstructured.Unstructured{source("a", app, "main", "a")},
			[]error{fault.Denyf("", "forbidden")},
			[]time.Duration{0},
			nil,
		},
		"Nobodys":   {"what no owner has is left alone", []*unstructured.Unstructured{source("a", app, "main", "")}, nil, []time.Duration{0}, nil},
		"Ownerless": {"an owner that is gone takes it along", []*unstructured.Unstructured{source("a", app, "main", "gone")}, nil, []time.Duration{0}, nil},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := &cluster{sources: tc.sources, fail: tc.fail}
				controller := c.run(t)
				for _, at := range tc.pushes {
					pass(at - time.Since(c.start))
					controller.Heard(t.Context(), toMain)
				}
				pass(time.Minute)
				c.mu.Lock()
				defer c.mu.Unlock()
				if diff := cmp.Diff(tc.want, c.asked); diff != "" {
					t.Errorf("%s:\n%s", tc.why, diff)
				}
			})
		})
	}
}

// What is remembered of those that were asked is bounded.
func TestAskedIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &cluster{}
		for i := range 2 * remembered {
			c.sources = append(c.sources, source(fmt.Sprint(i), app, "main", "a"))
		}
		controller := c.run(t)
		controller.Heard(t.Context(), toMain)
		pass(time.Hour)
		controller.mu.Lock()
		defer controller.mu.Unlock()
		if len(c.asked) != 2*remembered || len(controller.asked) > remembered || len(controller.wanted) != 0 {
			t.Errorf("asked %d; %d are remembered, %d wanted", len(c.asked), len(controller.asked), len(controller.wanted))
		}
	})
}
