// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"rhumb.run/rhumb/test/e2e/rig"
	"rhumb.run/rhumb/test/e2e/story"
)

// Port is where the lab's ingress controller is on the machine.
const Port = 8080

const pause = 100 * time.Millisecond

// Curl is what a user types to see an answer; a name that nobody resolves here
// is resolved on the spot.
func (a App) Curl() string {
	return fmt.Sprintf("curl --resolve %s:%d:127.0.0.1 http://%s:%d", a.Host(), Port, a.Host(), Port)
}

// Answer asks an application through its Ingress.
func (s *Story) Answer(ctx context.Context, a App) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d/", Port), nil)
	if err != nil {
		return "", fmt.Errorf("asking %s: %w", a.Name, err)
	}
	req.Host = a.Host()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", fmt.Errorf("asking %s: %w", a.Name, err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
	if err != nil {
		return "", fmt.Errorf("asking %s: %w", a.Name, err)
	}
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("asking %s: %s", a.Name, resp.Status)
	}
	return strings.TrimSpace(string(body)), nil
}

// Answers waits until an application's URL says text.
func (s *Story) Answers(ctx context.Context, a App, want string) error {
	err := rig.Until(ctx, fmt.Sprintf("http://%s to answer %q", a.Host(), want), pause, func() (bool, string) {
		got, err := s.Answer(ctx, a)
		if err == nil && got == want {
			return true, ""
		}
		return false, fmt.Sprintf("%q (%v); %s", got, err, s.state(a.Name))
	})
	if err == nil {
		s.Trace.Answered(a.Name, time.Now())
	}
	return err
}

// Shows waits until a Workload satisfies ok.
func (s *Story) Shows(ctx context.Context, name, what string, ok func(*unstructured.Unstructured) bool) error {
	return rig.Until(ctx, "Workload "+name+" to show "+what, pause, func() (bool, string) {
		w := s.Watch.Get(story.Workloads, name)
		return w != nil && ok(w), s.state(name)
	})
}

// Causes waits until a Workload's cause says all of some words.
func (s *Story) Causes(ctx context.Context, name string, words ...string) error {
	return s.Shows(ctx, name, fmt.Sprintf("a cause with %q", words), func(w *unstructured.Unstructured) bool {
		cause, _, _ := unstructured.NestedString(w.Object, "status", "cause")
		for _, word := range words {
			if !strings.Contains(cause, word) {
				return false
			}
		}
		return true
	})
}

// Rests waits until a Workload is Ready with what its newest commit became.
func (s *Story) Rests(ctx context.Context, a App, commit string) error {
	return rig.Until(ctx, a.Name+" to be Ready with "+commit, pause, func() (bool, string) {
		w, image := s.Watch.Get(story.Workloads, a.Name), s.Watch.Get(Images, a.Name)
		if w == nil || image == nil || story.Condition(w, "Ready") != "True" || story.Condition(image, "Ready") != "True" {
			return false, s.state(a.Name)
		}
		url, _, _ := unstructured.NestedString(image.Object, "spec", "source", "blob", "url")
		return strings.Contains(url, commit), url
	})
}

// BuildsOf are the builds of an image that were ever made, by name and whether
// they succeeded.
func (s *Story) BuildsOf(name string) map[string]string {
	out := map[string]string{}
	for _, b := range s.Watch.List(Builds) {
		if b.GetLabels()["image.kpack.io/image"] == name {
			out[b.GetName()] = story.Condition(b, "Succeeded")
		}
	}
	return out
}

// Steps are those that an image's build of a number has completed.
func (s *Story) Steps(name string, number int) []string {
	for _, b := range s.Watch.List(Builds) {
		if l := b.GetLabels(); l["image.kpack.io/image"] == name && l["image.kpack.io/buildNumber"] == fmt.Sprint(number) {
			steps, _, _ := unstructured.NestedStringSlice(b.Object, "status", "stepsCompleted")
			return steps
		}
	}
	return nil
}

// state is what a Workload says of itself, for whoever waits in vain.
func (s *Story) state(name string) string {
	w := s.Watch.Get(story.Workloads, name)
	if w == nil {
		return "there is no Workload " + name
	}
	cause, _, _ := unstructured.NestedString(w.Object, "status", "cause")
	return "the Workload says: " + strings.Join(story.Changes(nil, w), "; ") + "; cause: " + cause
}
