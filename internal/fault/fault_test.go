// SPDX-License-Identifier: Apache-2.0

package fault_test

import (
	"errors"
	"fmt"
	"testing"

	"rhumb.run/rhumb/internal/fault"
)

func TestOf(t *testing.T) {
	typo := fault.Rejectf("TemplateStampFailure", "typo")
	waiting := fault.Waitf("MissingValueAtPath", "not yet")
	cases := map[string]struct {
		why    string
		err    error
		class  fault.Class
		reason string
	}{
		"Nil":      {"no error asks for nothing", nil, fault.None, ""},
		"Unmarked": {"what nobody classified is the world's fault and is retried", errors.New("boom"), fault.Retry, ""},
		"Wrapped":  {"wrapping never changes the meaning", fmt.Errorf("a: %w", fmt.Errorf("b: %w", typo)), fault.Reject, "TemplateStampFailure"},
		"Joined":   {"a typo in one resource never hides an outage in another", errors.Join(typo, errors.New("connection refused")), fault.Retry, "TemplateStampFailure"},
		"Waiting":  {"two who wait, wait", errors.Join(waiting, waiting), fault.Wait, "MissingValueAtPath"},
		"Denied":   {"a refusal outranks a typo: it may end without a change of ours", errors.Join(typo, fault.Denyf("X", "no")), fault.Deny, "TemplateStampFailure"},
		"InWrap":   {"a join under a wrap is walked too", fmt.Errorf("x: %w", errors.Join(waiting, errors.New("eof"))), fault.Retry, "MissingValueAtPath"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			class, reason := fault.Of(c.err)
			if class != c.class || reason != c.reason {
				t.Errorf("%s: Of = %v %q, want %v %q", c.why, class, reason, c.class, c.reason)
			}
		})
	}
}

func TestClassOr(t *testing.T) {
	cases := map[string]struct {
		why  string
		err  error
		want fault.Class
	}{
		"Unmarked": {"the caller knows what it is", errors.New("boom"), fault.Reject},
		"Marked":   {"whoever marked it knows better", fmt.Errorf("a: %w", fault.Retryf("R", "busy")), fault.Retry},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := fault.ClassOr(c.err, fault.Reject); got != c.want {
				t.Errorf("%s: %v, want %v", c.why, got, c.want)
			}
		})
	}
}
