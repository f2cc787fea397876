// SPDX-License-Identifier: Apache-2.0

package report

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/fault"
)

const (
	yes     = metav1.ConditionTrue
	no      = metav1.ConditionFalse
	unknown = metav1.ConditionUnknown
)

func c(kind string, status metav1.ConditionStatus, reason, message string) metav1.Condition {
	return metav1.Condition{Type: kind, Status: status, Reason: reason, Message: message}
}

func TestWithReady(t *testing.T) {
	cases := map[string]struct {
		why  string
		of   []metav1.Condition
		want metav1.Condition
	}{
		"AllTrue":       {"all is well", []metav1.Condition{c("A", yes, "ra", "ma"), c("B", yes, "rb", "mb")}, c("Ready", yes, "Ready", "")},
		"LastFalse":     {"the last False decides", []metav1.Condition{c("A", no, "ra", "ma"), c("B", no, "rb", "mb"), c("C", yes, "rc", "")}, c("Ready", no, "rb", "mb")},
		"FirstUnknown":  {"else the first Unknown", []metav1.Condition{c("A", yes, "ra", ""), c("B", unknown, "rb", "mb"), c("C", unknown, "rc", "mc")}, c("Ready", unknown, "rb", "mb")},
		"FalseOverBoth": {"False outranks an Unknown before it", []metav1.Condition{c("A", unknown, "ra", "ma"), c("B", no, "rb", "mb")}, c("Ready", no, "rb", "mb")},
		"FalseStays":    {"and one after it", []metav1.Condition{c("A", no, "ra", "ma"), c("B", unknown, "rb", "mb")}, c("Ready", no, "ra", "ma")},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got := withReady(c.of)
			if diff := cmp.Diff(append(c.of, c.want), got); diff != "" {
				t.Errorf("%s, and the summary comes last:\n%s", c.why, diff)
			}
		})
	}
}

func TestSince(t *testing.T) {
	before, now := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2024, 1, 2, 3, 4, 5, 678, time.UTC)
	old := c("A", yes, "reason", "message")
	old.LastTransitionTime = metav1.NewTime(before)
	cases := map[string]struct {
		why string
		now metav1.Condition
		at  time.Time
	}{
		"Same":    {"nothing changed: the time stays", c("A", yes, "reason", "message"), before},
		"Status":  {"the status changed", c("A", no, "reason", "message"), now},
		"Reason":  {"the reason did", c("A", yes, "other", "message"), now},
		"Message": {"even if only the message did", c("A", yes, "reason", "other"), now},
		"Type":    {"another condition has its own time", c("B", yes, "reason", "message"), now},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got := since(now, []metav1.Condition{old}, []metav1.Condition{c.now})[0].LastTransitionTime.Time
			if want := c.at.Truncate(time.Second); !got.Equal(want) || got.Nanosecond() != 0 {
				t.Errorf("%s: %v, want %v to the second, as the API server keeps it", c.why, got, want)
			}
		})
	}
}

func TestOfError(t *testing.T) {
	cases := map[string]struct {
		why  string
		err  error
		want metav1.Condition
	}{
		"Wait":     {"who waits does not know", fault.Waitf("MissingValueAtPath", "waiting"), c("T", unknown, "MissingValueAtPath", "waiting")},
		"Reject":   {"what someone must change is False", fault.Rejectf("TemplateStampFailure", "typo"), c("T", no, "TemplateStampFailure", "typo")},
		"Deny":     {"so is a refusal", fault.Denyf("TemplateRejectedByAPIServer", "no"), c("T", no, "TemplateRejectedByAPIServer", "no")},
		"Retry":    {"so is what may pass, under its reason", fault.Retryf("TemplateObjectRetrievalFailure", "eof"), c("T", no, "TemplateObjectRetrievalFailure", "eof")},
		"Unmarked": {"what nobody classified has the other reason", errors.New("eof"), c("T", no, "Otherwise", "eof")},
		"NoReason": {"so has what has no reason", fault.Denyf("", "no"), c("T", no, "Otherwise", "no")},
		"Wrapped":  {"the whole text is told", fmt.Errorf("doing: %w", fault.Waitf("R", "waiting")), c("T", unknown, "R", "doing: waiting")},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, ofError("T", c.err, "Otherwise")); diff != "" {
				t.Errorf("%s:\n%s", c.why, diff)
			}
		})
	}
}

// taken is what the API server takes as a reason.
var taken = regexp.MustCompile(`^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$`)

func TestTidyReason(t *testing.T) {
	for in, want := range map[string]string{
		"TemplatesNotFound":                   "TemplatesNotFound",
		"foo.io/Ready":                        "foo_io_Ready",
		"":                                    "UnknownError",
		"5":                                   "UnknownError",
		"2Fast":                               "Fast",
		"Ends:":                               "Ends",
		"Ends,:,":                             "Ends",
		"äÖü":                                 "UnknownError",
		"a:b,c_":                              "a:b,c_",
		strings.Repeat("x", 1023) + ":" + "y": strings.Repeat("x", 1023),
		strings.Repeat("x", 2000):             strings.Repeat("x", 1024),
	} {
		got := tidyReason(in)
		if got != want {
			t.Errorf("tidyReason(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzTidy(f *testing.F) {
	f.Add("foo.io/Ready", "message")
	f.Add(strings.Repeat("x", 1024)+":", strings.Repeat("ü", 20000))
	f.Fuzz(func(t *testing.T, reason, message string) {
		got := condition("T", yes, reason, message)
		if !taken.MatchString(got.Reason) || len(got.Reason) > 1024 {
			t.Errorf("no API server takes the reason %q", got.Reason)
		}
		if n := utf8.RuneCountInString(got.Message); n > 32768 {
			t.Errorf("no API server takes a message of %d characters", n)
		}
	})
}

func TestTidyMessage(t *testing.T) {
	long := strings.Repeat("x", 32768)
	cases := map[string]struct{ why, in, want string }{
		"Short": {"what fits stays", "message", "message"},
		"Fits":  {"to the last byte", long, long},
		"Long":  {"what does not is cut, and says so", long + "x", long[:32765] + "..."},
		"Split": {"a letter cut in half is left out", strings.Repeat("x", 32764) + "üüüü", strings.Repeat("x", 32764) + "..."},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := tidyMessage(c.in); got != c.want {
				t.Errorf("%s: %d bytes ending in %q, want %d", c.why, len(got), got[max(0, len(got)-8):], len(c.want))
			}
		})
	}
}

func TestHealthy(t *testing.T) {
	of := func(status metav1.ConditionStatus, message string) v1alpha1.ResourceStatus {
		return v1alpha1.ResourceStatus{Conditions: []metav1.Condition{c("ResourceSubmitted", yes, "r", ""), c("Healthy", status, "r", message)}}
	}
	none := v1alpha1.ResourceStatus{Conditions: []metav1.Condition{c("ResourceSubmitted", no, "r", "m")}}
	cases := map[string]struct {
		why     string
		of      []v1alpha1.ResourceStatus
		status  metav1.ConditionStatus
		message string
	}{
		"AllTrue":      {"all are well, and say nothing", []v1alpha1.ResourceStatus{of(yes, "a"), of(yes, "b")}, yes, ""},
		"LastFalse":    {"of those who are not the last one speaks", []v1alpha1.ResourceStatus{of(no, "a"), of(no, "b"), of(yes, "c")}, no, "b"},
		"FirstUnknown": {"of those who do not know the first", []v1alpha1.ResourceStatus{of(yes, "a"), of(unknown, "b"), of(unknown, "c")}, unknown, "b"},
		"FalseWins":    {"not being well outranks not knowing", []v1alpha1.ResourceStatus{of(unknown, "a"), of(no, "b"), of(unknown, "c")}, no, "b"},
		"SomeNone":     {"those that have no health have no say", []v1alpha1.ResourceStatus{none, of(yes, "b")}, yes, ""},
		"OnlyNone":     {"if none has, nobody knows", []v1alpha1.ResourceStatus{none}, unknown, ""},
		"Nothing":      {"nor if there is nothing", nil, unknown, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			want := metav1.Condition{Type: "ResourcesHealthy", Status: c.status, Reason: "HealthyConditionRule", Message: c.message}
			if diff := cmp.Diff(want, healthy(c.of)); diff != "" {
				t.Errorf("%s:\n%s", c.why, diff)
			}
		})
	}
}
