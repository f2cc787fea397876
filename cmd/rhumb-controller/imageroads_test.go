// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"rhumb.run/rhumb/internal/core/clone"
	"rhumb.run/rhumb/internal/registry"
)

// TestSpare: policies ask a registry in one name, so that each has to keep what the most careful one wants.
func TestSpare(t *testing.T) {
	for name, c := range map[string]struct {
		why  string
		all  []clone.Access
		want map[string]registry.Pace
	}{
		"Nothing": {"who says nothing leaves it to the client", []clone.Access{{Host: "a"}}, map[string]registry.Pace{}},
		"Apart": {
			"hosts have nothing to do with each other",
			[]clone.Access{{Host: "a", PerSecond: 2}, {Host: "*", PerSecond: 5}},
			map[string]registry.Pace{"a": {PerSecond: 2}, "*": {PerSecond: 5}},
		},
		"Slowest": {
			"the fewest requests",
			[]clone.Access{{Host: "a", PerSecond: 5}, {Host: "a"}, {Host: "a", PerSecond: 2}, {Host: "a", PerSecond: 9}},
			map[string]registry.Pace{"a": {PerSecond: 2}},
		},
		"Most left": {
			"and the most left to others",
			[]clone.Access{{Host: "a", MinRemaining: 5}, {Host: "a", MinRemaining: 20}, {Host: "a", PerSecond: 1}},
			map[string]registry.Pace{"a": {PerSecond: 1, MinRemaining: 20}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := map[string]registry.Pace{}
			for _, a := range c.all {
				spare(got, a)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.why, diff)
			}
		})
	}
}
