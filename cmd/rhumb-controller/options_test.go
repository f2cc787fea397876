// SPDX-License-Identifier: Apache-2.0

package main

import (
	"io"
	"strings"
	"testing"
)

// What Cartographer's Deployment passes is understood, beside our own spelling.
func TestParseAliases(t *testing.T) {
	cases := map[string]struct {
		why   string
		args  string
		check func(options) bool
	}{
		"Deployment": {"the args of Cartographer's own Deployment", "-cert-dir=/cert -metrics-port=9998", func(o options) bool {
			return o.certDir == "/cert" && o.metrics == ":9998"
		}},
		"Apart":       {"a value may stand by itself", "-metrics-port 9998 -dev", func(o options) bool { return o.metrics == ":9998" && o.logFormat == "text" }},
		"TwoDashes":   {"both spellings are flags", "--metrics-port=9998 --Port=1", func(o options) bool { return o.metrics == ":9998" && o.webhook == ":1" }},
		"MetricsOff":  {"0 is off, in both worlds", "-metrics-port=0", func(o options) bool { return o.metrics == "0" }},
		"Profiler":    {"a port is an address on every interface", "-pprof-port=6060", func(o options) bool { return o.pprof == ":6060" }},
		"Untouched":   {"without them our defaults stand", "", func(o options) bool { return o.metrics == ":8080" && o.pprof == "0" && o.logFormat == "json" }},
		"Level":       {"ours by name, theirs by dash", "-log-level=debug", func(o options) bool { return o.logLevel == "debug" }},
		"Concurrency": {"deliveries are deliverables, as it meant them", "-max-concurrent-workloads=3 -max-concurrent-deliveries 4", func(o options) bool { return o.workloads == 3 && o.deliverables == 4 }},
		"Values":      {"a value that begins with a dash is no flag", "--controllers -workload", func(o options) bool { return !o.runs("workload") }},
		"Cloner": {"the image cloner of old logs as it did, and needs no lease", "--controllers=imagecloner -leader-elect=false", func(o options) bool {
			return o.logFormat == "console" && o.logLevel == "debug" && !o.leaderElect
		}},
		"ClonerLeads": {"unless it is told to", "--controllers=imagecloner --leader-elect", func(o options) bool { return o.leaderElect }},
		"Zap":         {"its flags of logging", "-zap-log-level=info -zap-encoder=json", func(o options) bool { return o.logFormat == "console" && o.zap.Level != nil }},
		"Fixed":       {"the webhook's port is Cartographer's", "", func(o options) bool { return o.webhook == ":9443" && o.certDir == "" }},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			o, err := parse(strings.Fields(c.args), io.Discard)
			if err != nil || !c.check(o) {
				t.Errorf("%s: %q gave %+v, %v", c.why, c.args, o, err)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	cases := map[string]struct{ why, args, want string }{
		"Unknown":    {"a flag that nobody knows", "-cert-dri=/cert", "unknown shorthand flag"},
		"Controller": {"a controller that nobody knows", "--controllers=deliverables", `"deliverables", which is none of`},
		"Nobody":     {"a controller that acts for nobody", "-max-concurrent-deliveries=0", "--max-concurrent-deliveries must be 1 or more"},
		"Argument":   {"a word that is no flag", "-dev true", `unexpected argument "true"`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if _, err := parse(strings.Fields(c.args), io.Discard); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: err = %v, want %q", c.why, err, c.want)
			}
		})
	}
}

func TestRuns(t *testing.T) {
	o, err := parse([]string{"--controllers=*,-delivery"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"workload": true, "deliverable": true, "delivery": false, "supplychain": true} {
		if o.runs(name) != want {
			t.Errorf("%s runs: %t, want %t", name, !want, want)
		}
	}
}
