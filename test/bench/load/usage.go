// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"rhumb.run/rhumb/test/bench/lines"
)

// usage is what a process has cost so far.
type usage struct {
	cpu      float64 // seconds
	rss, hwm float64 // MiB
	requests float64
	writes   float64
}

// sample reads what /proc and /metrics say; what there is not stays zero.
func (o options) sample() usage {
	var u usage
	if o.pid > 0 {
		u.process(o.pid)
	}
	if o.metrics != "" {
		u.api(o.metrics)
	}
	return u
}

// ticks is what Linux counts CPU time in, on every machine that Go runs on.
const ticks = 100

func (u *usage) process(pid int) {
	stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	// The name in parentheses may hold spaces; user and system time of the
	// process and of its ended children are the 12th to 15th field after it.
	_, rest, _ := strings.Cut(string(stat), ") ")
	if f := strings.Fields(rest); len(f) > 14 {
		for _, s := range f[11:15] {
			u.cpu += lines.Number(s) / ticks
		}
	}
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for l := range strings.SplitSeq(string(status), "\n") {
		switch f := strings.Fields(l); {
		case len(f) < 2:
		case f[0] == "VmRSS:":
			u.rss = lines.Number(f[1]) / 1024
		case f[0] == "VmHWM:":
			u.hwm = lines.Number(f[1]) / 1024
		}
	}
}

func (u *usage) api(url string) {
	resp, err := http.Get(url)
	if err != nil {
		return
	}
	defer func() { _ = resp.Body.Close() }()
	body, _ := io.ReadAll(resp.Body)
	r := lines.Count(string(body))
	u.requests, u.writes = r.All, r.Writes
}

// line prints a phase as test/bench reads it.
func (o options) line(phase string, since time.Time, was usage, extra string) {
	is := o.sample()
	fmt.Println(lines.Print(o.label, lines.Phase{
		Name: phase, Seconds: time.Since(since).Seconds(), CPU: is.cpu - was.cpu, RSS: is.rss, Peak: is.hwm,
		Requests: is.requests - was.requests, Writes: is.writes - was.writes,
	}, extra))
}
