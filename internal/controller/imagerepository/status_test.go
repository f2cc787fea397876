// SPDX-License-Identifier: Apache-2.0

package imagerepository

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"rhumb.run/rhumb/api/source/v1alpha1"
	"rhumb.run/rhumb/internal/core/image"
)

var (
	early = time.Date(2026, 1, 2, 3, 4, 5, 600, time.UTC)
	late  = early.Add(time.Hour)
)

func sum(c string) string { return "sha256:" + strings.Repeat(c, 64) }

// told makes the facts of an image at a generation.
func told(t *testing.T, img string, generation int64, seen image.Seen) facts {
	t.Helper()
	f := facts{generation: generation, image: img, seen: seen, url: func(d string) (string, string) { return "http://a/" + d[7:9], d[7:9] }}
	ref, err := image.Parse(img)
	if err != nil {
		f.failure = &image.Failure{Reason: image.ReasonInvalid, Detail: err.Error()}
	}
	f.ref = ref
	return f
}

// brief is a status in a few words.
func brief(s v1alpha1.ImageRepositoryStatus) string {
	words := []string{fmt.Sprint("g", s.ObservedGeneration)}
	if s.Artifact != nil {
		words = append(words, s.Artifact.Revision[:strings.Index(s.Artifact.Revision, "@sha256:")+9], "of "+s.Artifact.LastUpdateTime.UTC().Format("15:04"))
	}
	for _, c := range s.Conditions {
		words = append(words, fmt.Sprintf("%s=%s/%s@%s", c.Type[:1], c.Status, c.Reason, c.LastTransitionTime.UTC().Format("15:04")))
	}
	return strings.Join(words, " ")
}

func TestReport(t *testing.T) {
	const well = "A=True/Available@03:04 I=True/Resolved@03:04 R=True/Ready@03:04"
	down := &image.Failure{Reason: image.ReasonUnreachable, Detail: "https://r: connection refused", Fix: "look"}
	a, b := image.Seen{Digest: sum("a")}, image.Seen{Digest: sum("b")}
	good := report(v1alpha1.ImageRepositoryStatus{}, told(t, "r.io/x", 1, a), early)
	forged := told(t, "r.io/x", 1, a)
	forged.trouble = &image.Failure{Reason: image.ReasonDigestMismatch}
	huge := told(t, "r.io/x", 1, a)
	huge.trouble = &image.Failure{Reason: image.ReasonNoTree}
	cases := map[string]struct {
		why    string
		before v1alpha1.ImageRepositoryStatus
		f      facts
		want   string
	}{
		"New":         {"nothing is known of what nobody looked at", v1alpha1.ImageRepositoryStatus{}, told(t, "r.io/x", 1, image.Seen{}), "g1 A=Unknown/Initializing@04:04 I=Unknown/Initializing@04:04 R=Unknown/Initializing@04:04"},
		"Resolved":    {"the first digest", v1alpha1.ImageRepositoryStatus{}, told(t, "r.io/x", 1, a), "g1 r.io/x:latest@sha256:a of 04:04 " + strings.ReplaceAll(well, "03:", "04:")},
		"Same":        {"the same again is the same", good, told(t, "r.io/x", 1, a), "g1 r.io/x:latest@sha256:a of 03:04 " + well},
		"Moved":       {"a new digest is a new artifact, and no transition", good, told(t, "r.io/x", 1, b), "g1 r.io/x:latest@sha256:b of 04:04 " + well},
		"Outage":      {"a failure keeps the last good", good, told(t, "r.io/x", 1, image.Seen{Failure: down}), "g1 r.io/x:latest@sha256:a of 03:04 A=True/Available@03:04 I=False/Unreachable@04:04 R=False/Unreachable@04:04"},
		"MovedOutage": {"also if the last good is newer than the status", good, told(t, "r.io/x", 1, image.Seen{Digest: sum("b"), Failure: down}), "g1 r.io/x:latest@sha256:b of 04:04 A=True/Available@03:04 I=False/Unreachable@04:04 R=False/Unreachable@04:04"},
		"NeverSeen":   {"a failure from the start, as the page of the simple supply chain shows it", v1alpha1.ImageRepositoryStatus{}, told(t, "r.io/x", 3, image.Seen{Failure: down}), "g3 A=Unknown/Initializing@04:04 I=False/Unreachable@04:04 R=False/Unreachable@04:04"},
		"Waiting":     {"until the new image was looked at, all speaks of the old generation", good, told(t, "r.io/y", 2, image.Seen{}), "g1 r.io/x:latest@sha256:a of 03:04 " + well},
		"Another":     {"the old image is no answer to the new spec", good, told(t, "r.io/y", 2, image.Seen{Failure: down}), "g2 A=Unknown/Initializing@04:04 I=False/Unreachable@04:04 R=False/Unreachable@04:04"},
		"Invalid":     {"nor to one that names none", good, told(t, "R.io/X Y", 2, image.Seen{}), "g2 A=Unknown/Initializing@04:04 I=False/InvalidImageReference@04:04 R=False/InvalidImageReference@04:04"},
		"Forged":      {"forged files make an image that nobody may use", good, forged, "g1 r.io/x:latest@sha256:a of 03:04 A=False/DigestMismatch@04:04 I=True/Resolved@03:04 R=False/DigestMismatch@04:04"},
		"Huge":        {"an image without files can still be deployed", good, huge, "g1 r.io/x:latest@sha256:a of 03:04 A=False/NoFileTree@04:04 I=True/Resolved@03:04 R=True/Ready@03:04"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			before := *tc.before.DeepCopy()
			got := report(tc.before, tc.f, late)
			if diff := cmp.Diff(tc.want, brief(got)); diff != "" {
				t.Errorf("%s:\n%s", tc.why, diff)
			}
			if diff := cmp.Diff(before, tc.before); diff != "" {
				t.Errorf("the status before was changed in place:\n%s", diff)
			}
			if diff := cmp.Diff(got, report(got, tc.f, late.Add(time.Hour))); diff != "" {
				t.Errorf("the same facts an hour later would be written again:\n%s", diff)
			}
		})
	}
}

func TestMessageIsBounded(t *testing.T) {
	f := told(t, "r.io/x", 1, image.Seen{Failure: &image.Failure{Reason: image.ReasonRemote, Detail: strings.Repeat("words\r\n", 10_000)}})
	s := report(v1alpha1.ImageRepositoryStatus{}, f, early)
	if m := s.Conditions[2].Message; len(m) > maxMessage+10 || strings.ContainsAny(m, "\r\n") || !strings.HasPrefix(m, `unable to resolve image "r.io/x": words words`) {
		t.Errorf("%d bytes: %.100q", len(m), m)
	}
}

func TestKnown(t *testing.T) {
	ready := report(v1alpha1.ImageRepositoryStatus{}, told(t, "r.io/x", 1, image.Seen{Digest: sum("a")}), early)
	bad := report(ready, told(t, "r.io/x", 1, image.Seen{Failure: &image.Failure{Reason: image.ReasonRemote}}), late)
	cases := map[string]struct {
		why        string
		status     v1alpha1.ImageRepositoryStatus
		generation int64
		image      string
		want       string
	}{
		"Ready":      {"what is right can wait its turn", ready, 1, "r.io/x", sum("a")},
		"Bad":        {"what is wrong cannot", bad, 1, "r.io/x", ""},
		"Changed":    {"nor what was said of another spec", ready, 2, "r.io/x", ""},
		"OtherImage": {"nor of another image", ready, 1, "r.io/y", ""},
		"New":        {"nor what is not known at all", v1alpha1.ImageRepositoryStatus{}, 1, "r.io/x", ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			ref, err := image.Parse(tc.image)
			if err != nil {
				t.Fatal(err)
			}
			o := &v1alpha1.ImageRepository{ObjectMeta: metav1.ObjectMeta{Generation: tc.generation}, Status: tc.status}
			if got := known(o, ref); got != tc.want {
				t.Errorf("%s: %q", tc.why, got)
			}
		})
	}
}

// A reason is news once, whatever words it comes in.
func TestNewFailure(t *testing.T) {
	status := func(ready metav1.ConditionStatus, reason, message string) v1alpha1.ImageRepositoryStatus {
		return v1alpha1.ImageRepositoryStatus{Conditions: []metav1.Condition{{Type: v1alpha1.ReadyCondition, Status: ready, Reason: reason, Message: message}}}
	}
	for name, c := range map[string]struct {
		why           string
		before, after v1alpha1.ImageRepositoryStatus
		want          bool
	}{
		"First":  {"nothing was known", v1alpha1.ImageRepositoryStatus{}, status("False", "NotFound", "a"), true},
		"Words":  {"other words for the same", status("False", "Unreachable", "refused"), status("False", "Unreachable", "timeout"), false},
		"Reason": {"something else is wrong now", status("False", "Unreachable", "a"), status("False", "Unauthorized", "b"), true},
		"Lost":   {"it was there", status("True", "Ready", ""), status("False", "NotFound", "a"), true},
		"Well":   {"good news is no warning", status("False", "NotFound", "a"), status("True", "Ready", ""), false},
		"Early":  {"nor is no news", v1alpha1.ImageRepositoryStatus{}, status("Unknown", "Initializing", ""), false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := newFailure(c.before, c.after) != nil; got != c.want {
				t.Errorf("%s: news %t, want %t", c.why, got, c.want)
			}
		})
	}
}
