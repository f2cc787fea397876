// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rhumb.run/rhumb/test/bench/lines"
)

func TestRatios(t *testing.T) {
	floor := lines.Lines{"burst": {Rate: 100}, "propagate": {P50: 10, P99: 30}, "fanout": {Seconds: 1}}
	rhumb := lines.Lines{
		"burst":     {Rate: 49, Requests: 3510, Writes: 3500, CPU: 1},
		"propagate": {P50: 20, P99: 150},
		"quiet":     {RSS: 100, Requests: 1, Seconds: 60},
		"fanout":    {Seconds: 4, Writes: 1000},
	}
	want := map[string]bool{
		"burst: share of the floor's rate":                false, // 0.49 of at least 0.5
		"burst: writes per Workload":                      true,  // exactly 7
		"burst: reads per Workload":                       false, // 10 in all
		"burst: controller CPU per Workload, ms":          true,
		"one change, three hops: p50 against the floor's": true,  // exactly twice
		"one change, three hops: p99 against the floor's": false, // five times
		"quiet: requests":                                 false, // one is one too many
		"restart at rest: writes":                         true,
		"restart at rest: seconds until at rest":          false, // 61
		"fanout: share of the floor's rate of writes":     true,  // 250 of 500 a second
		"memory with 500 Workloads, MiB":                  true,
	}
	got := map[string]bool{}
	for _, b := range Ratios(options{n: 500}, floor, rhumb, Rest{Settled: 61}) {
		got[b.What] = b.Met()
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// With ytt, less is asked.
func TestRatiosWithYtt(t *testing.T) {
	floor, rhumb := lines.Lines{"burst": {Rate: 100}, "propagate": {P50: 10}}, lines.Lines{"burst": {Rate: 40}, "propagate": {P50: 30}}
	for _, b := range Ratios(options{n: 500, ytt: true}, floor, rhumb, Rest{}) {
		if strings.Contains(b.What, "burst: share") || strings.Contains(b.What, "p50") {
			if !b.Met() {
				t.Errorf("%s: %v is not enough", b.What, b.Got)
			}
		}
	}
}

func TestMemoryBar(t *testing.T) {
	for n, want := range map[int]float64{5000: 400, 10000: 600} {
		if got := memoryBar(n); got != want {
			t.Errorf("%d Workloads: want %v MiB, got %v", n, want, got)
		}
	}
}
