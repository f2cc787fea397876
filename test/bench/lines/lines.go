// SPDX-License-Identifier: Apache-2.0

// Package lines is what a driver of the benchmark prints, and how it is read.
//
//	measured ─Print─▶ one line a phase ─Parse─▶ Lines
//	/metrics ─Count─▶ Requests, ─Acts─▶ how often owners were looked at
//
// It never measures.
package lines

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Phase is one line that a driver prints.
type Phase struct {
	Name     string
	Seconds  float64
	CPU      float64 // of the controller, in seconds
	RSS      float64 // MiB
	Peak     float64 // MiB
	Requests float64
	Writes   float64
	Rate     float64 // Workloads a second, in the burst
	P50, P99 float64 // ms, of propagation
	Done     bool    // nothing was missing when the phase ended
}

// Lines are the phases of one side, by name.
type Lines map[string]Phase

var (
	phaseLine = regexp.MustCompile(`(burst|quiet|propagate|fanout)\s+([\d.]+)s\s+cpu\s+([\d.]+)s\s+rss\s+(\d+)MiB peak\s+(\d+)MiB\s+requests\s+(\d+) \(writes\s+(\d+)\)(.*)$`)
	speed     = regexp.MustCompile(`([\d.]+) workloads/s`)
	quantiles = regexp.MustCompile(`p50 (\d+)ms .*p99 (\d+)ms .*lost (\d+)`)
)

// Parse reads what a driver printed, and wants all the phases that are named.
func Parse(out string, want ...string) (Lines, error) {
	lines := Lines{}
	for l := range strings.SplitSeq(out, "\n") {
		if m := phaseLine.FindStringSubmatch(l); m != nil {
			p := phase(m)
			lines[p.Name] = p
		}
	}
	for _, name := range want {
		switch p, there := lines[name]; {
		case !there:
			return nil, fmt.Errorf("the driver printed no line for %s:\n%s", name, out)
		case !p.Done:
			return nil, fmt.Errorf("phase %s did not come to its end:\n%s", name, out)
		}
	}
	return lines, nil
}

func phase(m []string) Phase {
	p := Phase{
		Name: m[1], Seconds: Number(m[2]), CPU: Number(m[3]), RSS: Number(m[4]), Peak: Number(m[5]),
		Requests: Number(m[6]), Writes: Number(m[7]), Done: !strings.Contains(m[8], "false"),
	}
	if r := speed.FindStringSubmatch(m[8]); r != nil {
		p.Rate = Number(r[1])
	}
	if q := quantiles.FindStringSubmatch(m[8]); q != nil {
		p.P50, p.P99 = Number(q[1]), Number(q[2])
		p.Done = p.Done && q[3] == "0"
	}
	return p
}

// Requests is how often a controller asked its API server.
type Requests struct{ All, Writes float64 }

// Count adds up rest_client_requests_total of metrics in text form.
func Count(metrics string) Requests {
	var r Requests
	for l := range strings.SplitSeq(metrics, "\n") {
		if !strings.HasPrefix(l, "rest_client_requests_total{") {
			continue
		}
		v := Number(l[strings.LastIndexByte(l, ' ')+1:])
		r.All += v
		if !strings.Contains(l, `method="GET"`) {
			r.Writes += v
		}
	}
	return r
}

// Acts is how often controllers have looked at an object, of metrics in text form.
func Acts(metrics string) float64 {
	total := 0.0
	for l := range strings.SplitSeq(metrics, "\n") {
		if strings.HasPrefix(l, "controller_runtime_reconcile_total{") {
			total += Number(l[strings.LastIndexByte(l, ' ')+1:])
		}
	}
	return total
}

// Print writes a phase as a line; extra is what its Parse finds rate, quantiles
// and completeness in.
func Print(label string, p Phase, extra string) string {
	return fmt.Sprintf("%-12s %-11s %8.2fs  cpu %7.2fs  rss %5.0fMiB peak %5.0fMiB  requests %7.0f (writes %6.0f)  %s",
		label, p.Name, p.Seconds, p.CPU, p.RSS, p.Peak, p.Requests, p.Writes, extra)
}

// Number reads digits, and takes anything else for nothing.
func Number(s string) float64 {
	f, _ := strconv.ParseFloat(s, 64)
	return f
}
