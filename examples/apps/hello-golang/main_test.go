// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net/http/httptest"
	"testing"
)

func TestHello(t *testing.T) {
	for name, tc := range map[string]struct{ why, target, want string }{
		"Nobody":   {"it greets without being told whom", "", "Hello World!\n"},
		"Somebody": {"a Workload's env names a target", "Rhumb", "Hello Rhumb!\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("TARGET", tc.target)
			w := httptest.NewRecorder()
			hello(w, nil)
			if got := w.Body.String(); got != tc.want {
				t.Errorf("%s: got %q, want %q", tc.why, got, tc.want)
			}
		})
	}
}
