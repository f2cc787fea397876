// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"

	"rhumb.run/rhumb/test/bench/bars"
	"rhumb.run/rhumb/test/bench/lines"
)

// Rest is what a controller did that was started again with nothing to do.
type Rest struct {
	lines.Requests

	// Took is how long it was watched, Settled after how long it did nothing any more, both in seconds.
	Took, Settled float64
}

// memoryBar is what n Workloads may hold resident, in MiB: 400 for 5,000 and
// 600 for 10,000, on a line between and below.
func memoryBar(n int) float64 {
	return 200 + float64(n)*0.04
}

// kindsOnly is a share of reads that no Workload causes: each kind that a chain
// stamps is looked up once.
const kindsOnly = 0.01

// Ratios holds Rhumb's lines against the floor's. The floor has no ytt: where
// Rhumb has, less is asked of it.
func Ratios(o options, floor, rhumb lines.Lines, rest Rest) []bars.Bar {
	fb, rb, fp, rp, q := floor["burst"], rhumb["burst"], floor["propagate"], rhumb["propagate"], rhumb["quiet"]
	ff, rf := floor["fanout"], rhumb["fanout"]
	count, share, middle := float64(o.n), 0.5, 2.0
	if o.ytt {
		share, middle = 0.4, 3
	}
	return []bars.Bar{
		{What: "burst: share of the floor's rate", Got: bars.Over(rb.Rate, fb.Rate), Format: "%.2f", Most: share, AtLeast: true, Evidence: fmt.Sprintf("%.1f of %.1f Workloads/s", rb.Rate, fb.Rate)},
		{What: "burst: writes per Workload", Got: rb.Writes / count, Format: "%.2f", Most: 7, Evidence: fmt.Sprintf("%.0f writes", rb.Writes)},
		{What: "burst: reads per Workload", Got: (rb.Requests - rb.Writes) / count, Format: "%.3f", Most: kindsOnly, Evidence: fmt.Sprintf("%.0f reads in all", rb.Requests-rb.Writes)},
		{What: "burst: controller CPU per Workload, ms", Got: rb.CPU * 1000 / count, Format: "%.2f", Most: 4, Evidence: fmt.Sprintf("%.2f s", rb.CPU)},
		{What: "one change, three hops: p50 against the floor's", Got: bars.Over(rp.P50, fp.P50), Format: "%.2f×", Most: middle, Evidence: fmt.Sprintf("%.0f ms, floor %.0f ms", rp.P50, fp.P50)},
		{What: "one change, three hops: p99 against the floor's", Got: bars.Over(rp.P99, fp.P99), Format: "%.2f×", Most: 4, Evidence: fmt.Sprintf("%.0f ms, floor %.0f ms", rp.P99, fp.P99)},
		{What: "quiet: requests", Got: q.Requests, Format: "%.0f", Most: 0, Evidence: fmt.Sprintf("in %.0f s", q.Seconds)},
		{What: "restart at rest: writes", Got: rest.Writes, Format: "%.0f", Most: 0, Evidence: fmt.Sprintf("%.0f requests in %.0f s", rest.All, rest.Took)},
		{What: "restart at rest: seconds until at rest", Got: rest.Settled, Format: "%.0f", Most: 60, Evidence: fmt.Sprintf("watched for %.0f s", rest.Took)},
		{What: "fanout: share of the floor's rate of writes", Got: bars.Over(bars.Over(rf.Writes, rf.Seconds), bars.Over(count, ff.Seconds)), Format: "%.2f", Most: 0.5, AtLeast: true, Evidence: fmt.Sprintf("%.0f writes in %.1f s, floor %d in %.1f s", rf.Writes, rf.Seconds, o.n, ff.Seconds)},
		{What: fmt.Sprintf("memory with %d Workloads, MiB", o.n), Got: q.RSS, Format: "%.0f", Most: memoryBar(o.n), Evidence: fmt.Sprintf("peak %.0f MiB, %.0f MiB while the last template changed", q.Peak, rf.Peak)},
	}
}
