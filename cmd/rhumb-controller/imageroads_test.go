// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"

	"github.com/go-logr/logr"
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

// TestReach: of policies that name one registry the first says whether it is reached by plain HTTP.
func TestReach(t *testing.T) {
	at := func(name string, sources ...clone.Access) *clone.Policy {
		return &clone.Policy{Name: name, Push: clone.Access{Host: "own.example.com"}, Sources: sources}
	}
	for name, c := range map[string]struct {
		why  string
		all  clone.Policies
		want string
	}{
		"Nobody": {"who says nothing means TLS", clone.Policies{at("a")}, "https"},
		"Plain":  {"who says so gets plain HTTP", clone.Policies{at("a", clone.Access{Host: "x.example.com", Insecure: true})}, "http"},
		"Later":  {"a later policy sends nobody else's credentials for all to read", clone.Policies{at("a", clone.Access{Host: "x.example.com"}), at("b", clone.Access{Host: "x.example.com", Insecure: true})}, "https"},
		"First":  {"and the first is heard", clone.Policies{at("a", clone.Access{Host: "x.example.com", Insecure: true}), at("b", clone.Access{Host: "x.example.com"})}, "http"},
	} {
		t.Run(name, func(t *testing.T) {
			hosts := registry.NewHosts()
			a := &roads{client: &registry.Client{}, hosts: hosts, access: newAccess(nil, "", nil), log: logr.Discard()}
			if err := a.reach(t.Context(), c.all); err != nil {
				t.Fatal(err)
			}
			if got := hosts.Endpoints("x.example.com")[0].URL.Scheme; got != c.want {
				t.Errorf("%s: %s, want %s", c.why, got, c.want)
			}
		})
	}
}
