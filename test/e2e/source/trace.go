// SPDX-License-Identifier: Apache-2.0

package source

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"rhumb.run/rhumb/test/e2e/story"
)

// Trace keeps when each step of each application was first seen. Objects of an
// application have its name, in the example.
type Trace struct {
	mu       sync.Mutex
	seen     map[sight]time.Time
	answered map[string]time.Time
}

// sight is a value that an application's object showed.
type sight struct{ app, step, value string }

// The steps that are seen on objects, in their order. Between the second and
// the third, and between the fourth and the fifth, is Rhumb's own work.
const (
	applied  = "applied"
	fetched  = "fetched"  // the GitRepository shows a revision
	asked    = "asked"    // the Image asks for the build of a source
	built    = "built"    // the Image shows an image
	deployed = "deployed" // the Deployment names it
)

// NewTrace begins one.
func NewTrace() *Trace {
	return &Trace{seen: map[sight]time.Time{}, answered: map[string]time.Time{}}
}

// Note keeps what is new about an object.
func (t *Trace) Note(c story.Change) {
	if c.Live == nil {
		return
	}
	for step, value := range shows(c.Live) {
		if value != "" {
			t.note(sight{c.Live.GetName(), step, value}, c.At)
		}
	}
}

func (t *Trace) note(s sight, at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, known := t.seen[s]; !known {
		t.seen[s] = at
	}
}

// shows reads the steps of which an object tells.
func shows(o *unstructured.Unstructured) map[string]string {
	text := func(path ...string) string {
		v, _, _ := unstructured.NestedString(o.Object, path...)
		return v
	}
	switch o.GetKind() {
	case "Workload":
		return map[string]string{applied: string(o.GetUID())}
	case "GitRepository":
		return map[string]string{fetched: text("status", "artifact", "revision")}
	case "Image":
		return map[string]string{asked: text("spec", "source", "blob", "url"), built: text("status", "latestImage")}
	case "Deployment":
		return map[string]string{deployed: strings.Join(story.Images(o), " ")}
	}
	return nil
}

// Answered keeps when an application's URL said what was wanted.
func (t *Trace) Answered(app string, at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.answered[app] = at
}

// Times are the durations of an application's way from a beginning to its URL.
type Times struct{ Fetch, Build, Start, Rhumb, All time.Duration }

// Of measures the way of a commit, which began at some time. It is an error if
// a step was not seen: then nothing happened, or somebody else did it.
func (t *Trace) Of(app, commit string, began time.Time) (Times, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	at := map[string]time.Time{}
	image := ""
	for s, when := range t.seen {
		if s.app == app && (s.step == fetched || s.step == asked) && strings.Contains(s.value, commit) {
			at[s.step] = when
		}
	}
	for s, when := range t.seen { // the first image after the commit was asked for is the commit's
		if s.app == app && s.step == built && when.After(at[asked]) && (image == "" || when.Before(at[built])) {
			at[built], image = when, s.value
		}
	}
	at[deployed] = t.seen[sight{app, deployed, image}]
	for _, step := range []string{fetched, asked, built, deployed} {
		if at[step].IsZero() {
			return Times{}, fmt.Errorf("%s: commit %s was not seen to be %s", app, commit, step)
		}
	}
	answered := t.answered[app]
	return Times{
		Fetch: at[fetched].Sub(began), Build: at[built].Sub(at[asked]), Start: answered.Sub(at[deployed]),
		Rhumb: at[asked].Sub(at[fetched]) + at[deployed].Sub(at[built]), All: answered.Sub(began),
	}, nil
}
