// SPDX-License-Identifier: Apache-2.0

package source

import (
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"rhumb.run/rhumb/test/e2e/story"
)

// seconds are since a beginning.
func at(seconds float64) time.Time {
	return time.Unix(1000, 0).Add(time.Duration(seconds * float64(time.Second)))
}

func note(t *testing.T, trace *Trace, when float64, text string) {
	t.Helper()
	u := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(text), &u.Object); err != nil {
		t.Fatal(err)
	}
	u.SetName("app")
	trace.Note(story.Change{At: at(when), Live: u})
}

// way is that of commit one, and then of commit two.
func way(t *testing.T) *Trace {
	trace := NewTrace()
	const (
		image      = "{kind: Image, spec: {source: {blob: {url: 'http://flux/ONE.tar.gz'}}}, status: {latestImage: IMAGE}}"
		deployment = "{kind: Deployment, spec: {template: {spec: {containers: [{image: IMAGE}]}}}}"
	)
	set := strings.NewReplacer
	note(t, trace, 1, "{kind: GitRepository, status: {artifact: {revision: master/one}}}")
	note(t, trace, 1.25, set("ONE", "one", "IMAGE", "''").Replace(image))
	note(t, trace, 5, set("ONE", "one", "IMAGE", "reg/app@1").Replace(image))
	note(t, trace, 5.25, set("IMAGE", "reg/app@1").Replace(deployment))
	trace.Answered("app", at(8))

	note(t, trace, 11, "{kind: GitRepository, status: {artifact: {revision: master/two}}}")
	note(t, trace, 11.5, set("ONE", "two", "IMAGE", "reg/app@1").Replace(image)) // of the commit before
	note(t, trace, 12, set("ONE", "two", "IMAGE", "reg/app@1").Replace(image))
	note(t, trace, 15, set("ONE", "two", "IMAGE", "reg/app@2").Replace(image))
	note(t, trace, 15.25, set("IMAGE", "reg/app@2").Replace(deployment))
	return trace
}

func TestTrace(t *testing.T) {
	trace := way(t)
	first, err := trace.Of("app", "one", at(0))
	if want := (Times{Fetch: time.Second, Build: 3750 * time.Millisecond, Start: 2750 * time.Millisecond, Rhumb: 500 * time.Millisecond, All: 8 * time.Second}); err != nil || first != want {
		t.Errorf("the first commit: %+v, %v; want %+v", first, err, want)
	}
	trace.Answered("app", at(20))
	second, err := trace.Of("app", "two", at(10))
	if want := (Times{Fetch: time.Second, Build: 3500 * time.Millisecond, Start: 4750 * time.Millisecond, Rhumb: 750 * time.Millisecond, All: 10 * time.Second}); err != nil || second != want {
		t.Errorf("the second commit, whose Image shows the old one's image at first: %+v, %v; want %+v", second, err, want)
	}
	if _, err := trace.Of("app", "three", at(0)); err == nil || !strings.Contains(err.Error(), "three was not seen to be fetched") {
		t.Errorf("a commit that nobody saw: %v", err)
	}
}
