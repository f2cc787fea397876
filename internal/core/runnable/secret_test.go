// SPDX-License-Identifier: Apache-2.0

package runnable

import (
	"errors"
	"testing"

	"rhumb.run/rhumb/internal/fault"
)

// What a selected Secret holds is hidden, however it is quoted; what others hold is not.
func TestHide(t *testing.T) {
	// "s3cr3t", "user\ns3cr3t-two\n" and "no".
	data := map[string]any{"a": "czNjcjN0", "b": "dXNlcgpzM2NyM3QtdHdvCg==", "c": "bm8="}
	cases := map[string]struct{ why, kind, text, want string }{
		"Plain":  {"as it is meant", "Secret", `Invalid value: "s3cr3t": too short`, `Invalid value: "***": too short`},
		"Stored": {"as it is stored", "Secret", `map[string]any{"a":"czNjcjN0"}`, `map[string]any{"a":"***"}`},
		"Line":   {"a line of a longer one; the longest first, so that no end of it is left", "Secret", "login s3cr3t-two failed", "login *** failed"},
		"Short":  {"a word like no would be hidden in every sentence", "Secret", "no value", "no value"},
		"Other":  {"a ConfigMap is no secret", "ConfigMap", "s3cr3t", "s3cr3t"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			f := Facts{secrets: secrets(map[string]any{"apiVersion": "v1", "kind": c.kind, "data": data})}
			if got := f.Hide(c.text); got != c.want {
				t.Errorf("%s: %s, want %s", c.why, got, c.want)
			}
			err := f.hide(fault.As(fault.Reject, "Reason", errors.New(c.text)))
			if class, reason := fault.Of(err); err.Error() != c.want || class != fault.Reject || reason != "Reason" {
				t.Errorf("%s: the error is %v, %v %s", c.why, err, class, reason)
			}
		})
	}
}
