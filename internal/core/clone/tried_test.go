// SPDX-License-Identifier: Apache-2.0

package clone

import (
	"errors"
	"strings"
	"testing"

	"rhumb.run/rhumb/internal/core/image"
)

func TestSourceLogins(t *testing.T) {
	mine := image.Logins{{Host: "docker.io", From: "policy"}}
	others := image.Logins{{Host: "quay.io", From: "policy"}}
	pods := image.Logins{{Host: "docker.io", From: "pod"}}
	ref, err := image.Parse("nginx:1")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		why    string
		source *Access
		tried  Tried
		shown  string // from whom
		advice string // what it names
	}{
		"Nobody":      {"it is said what may be done", nil, Tried{}, "", "name credentials for docker.io in spec.sources of ImageClonePolicy mirror, or set usePodPullSecrets"},
		"NotAsked":    {"the opt-in is by host", &Access{Host: "quay.io", PodSecrets: true}, Tried{}, "", "or set usePodPullSecrets"},
		"Named":       {"what is to be mended is in the Secret", &Access{Host: "docker.io"}, Tried{Named: mine}, "policy", ""},
		"Both":        {"a login that is refused is not followed by somebody else's", &Access{Host: "docker.io", PodSecrets: true}, Tried{Named: mine, Pods: pods}, "policy", ""},
		"NamedOther":  {"one for another registry is none", &Access{Host: "*", PodSecrets: true}, Tried{Named: others, Pods: pods}, "pod", ""},
		"Pods":        {"what is to be mended is theirs", &Access{Host: "*", PodSecrets: true}, Tried{Pods: pods}, "pod", ""},
		"PodsForElse": {"theirs are for another registry", &Access{Host: "*", PodSecrets: true}, Tried{Pods: others}, "", "pull secret for docker.io"},
		"Unread":      {"a right is missing", &Access{Host: "*", PodSecrets: true}, Tried{Unread: true}, "", "bind the ClusterRole rhumb-image-pull-secrets"},
	} {
		t.Run(name, func(t *testing.T) {
			p := &Policy{Name: "mirror"}
			if c.source != nil {
				p.Sources = []Access{*c.source}
			}
			var shown []string
			for _, l := range c.tried.Logins(ref).For(ref.Host, ref.Repository) {
				shown = append(shown, l.From)
			}
			if got := strings.Join(shown, ", "); got != c.shown {
				t.Errorf("%s: shown are those of %q, want %q", c.why, got, c.shown)
			}
			if got := c.tried.Advice(p, ref); (c.advice == "") != (got == "") || !strings.Contains(got, c.advice) {
				t.Errorf("%s: the advice is %q, want %q", c.why, got, c.advice)
			}
			if got := c.tried.Advice(&Policy{Name: EnvName}, ref); got != "" {
				t.Errorf("the environment has no sources: %q", got)
			}
		})
	}
}

func TestAdvised(t *testing.T) {
	of := func(reason string, source bool) error {
		return &Failure{Failure: &image.Failure{Reason: reason, Detail: "it said no", Fix: "as ever"}, Source: source}
	}
	for name, c := range map[string]struct {
		why    string
		advice string
		err    error
		want   string
	}{
		"Refused":   {"the source wants credentials", "do this", of(image.ReasonUnauthorized, true), "it said no; do this"},
		"Target":    {"the target's refusal is about others", "do this", of(image.ReasonUnauthorized, false), "it said no; as ever"},
		"NotFound":  {"credentials would not help", "do this", of(image.ReasonSourceNotFound, true), "it said no; as ever"},
		"NoAdvice":  {"it is plain from the answer", "", of(image.ReasonUnauthorized, true), "it said no; as ever"},
		"OtherKind": {"nobody answered", "do this", errors.New("stopped"), "stopped"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := (Job{Advice: c.advice}).Advised(c.err).Error(); got != c.want {
				t.Errorf("%s: %q, want %q", c.why, got, c.want)
			}
		})
	}
	if err := (Job{Advice: "do this"}).Advised(nil); err != nil {
		t.Errorf("nothing failed: %v", err)
	}
}
