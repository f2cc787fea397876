// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net/http/httptest"
	"testing"
)

func TestAnswer(t *testing.T) {
	cases := map[string]struct {
		why    string
		method string
		path   string
	}{
		"Root": {
			why:    "the demo asks for /",
			method: "GET", path: "/",
		},
		"AnyPath": {
			why:    "a proxy in between may put something before the path",
			method: "GET", path: "/some/where?x=1",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			w := httptest.NewRecorder()
			answer("one line").ServeHTTP(w, httptest.NewRequest(tc.method, tc.path, nil))
			if got := w.Body.String(); w.Code != 200 || got != "one line\n" {
				t.Errorf("%s: got %d %q", tc.why, w.Code, got)
			}
		})
	}
}
