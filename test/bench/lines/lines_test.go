// SPDX-License-Identifier: Apache-2.0

package lines

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const printed = `
rhumb        burst           8.25s  cpu    2.10s  rss    90MiB peak   120MiB  requests    4010 (writes   4000)  created in 1.2s, 500 deployed after 8.1s (true), 500 ready (true): 60.6 workloads/s
rhumb        quiet          60.00s  cpu    0.02s  rss    88MiB peak   120MiB  requests       0 (writes      0)  
rhumb        propagate       2.00s  cpu    0.20s  rss    88MiB peak   120MiB  requests     400 (writes    400)  p50 14ms p90 20ms p99 31ms max 40ms lost 0
`

func TestParse(t *testing.T) {
	cases := map[string]struct {
		why  string
		out  string
		want []string
		err  string
	}{
		"All":       {"three phases, all complete", printed, []string{"burst", "quiet", "propagate"}, ""},
		"Missing":   {"a driver that died half way is no result", printed, []string{"fanout"}, "no line for fanout"},
		"Undone":    {"a burst that never became ready has no rate", strings.Replace(printed, "500 ready (true)", "499 ready (false)", 1), []string{"burst"}, "did not come to its end"},
		"Lost":      {"a change that never arrived has no latency", strings.Replace(printed, "lost 0", "lost 2", 1), []string{"propagate"}, "did not come to its end"},
		"OtherText": {"what a driver says besides is no line", "floor: a burst of words", []string{"burst"}, "no line"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := Parse(tc.out, tc.want...)
			if (err == nil) != (tc.err == "") || err != nil && !strings.Contains(err.Error(), tc.err) {
				t.Errorf("%s: want error %q, got %v", tc.why, tc.err, err)
			}
		})
	}
}

func TestParseFigures(t *testing.T) {
	got, err := Parse(printed)
	if err != nil {
		t.Fatal(err)
	}
	want := Lines{
		"burst":     {Name: "burst", Seconds: 8.25, CPU: 2.1, RSS: 90, Peak: 120, Requests: 4010, Writes: 4000, Rate: 60.6, Done: true},
		"quiet":     {Name: "quiet", Seconds: 60, CPU: 0.02, RSS: 88, Peak: 120, Done: true},
		"propagate": {Name: "propagate", Seconds: 2, CPU: 0.2, RSS: 88, Peak: 120, Requests: 400, Writes: 400, P50: 14, P99: 31, Done: true},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestPrint(t *testing.T) {
	want := Phase{Name: "burst", Seconds: 8.25, CPU: 2.1, RSS: 90, Peak: 120, Requests: 4010, Writes: 4000, Rate: 60.6, Done: true}
	got, err := Parse(Print("x", want, "500 ready (true): 60.6 workloads/s"), "burst")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got["burst"]); diff != "" {
		t.Errorf("what is printed is what is read: -want +got:\n%s", diff)
	}
}

func TestCount(t *testing.T) {
	const text = `# HELP rest_client_requests_total Number
rest_client_requests_total{code="200",host="h",method="GET"} 12
rest_client_requests_total{code="201",host="h",method="POST"} 3
rest_client_requests_total{code="200",host="h",method="PATCH"} 2
other_total{method="GET"} 99
`
	if diff := cmp.Diff(Requests{All: 17, Writes: 5}, Count(text)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
