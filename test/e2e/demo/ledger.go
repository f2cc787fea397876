// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"regexp"
	"sync"
	"time"

	"rhumb.run/rhumb/test/e2e/story"
)

// digest is what a table has no room for.
var digest = regexp.MustCompile(`sha256:[0-9a-f]{64}`)

// ledger keeps what the closing table shows: each step, its object, its output
// and when it happened.
type ledger struct {
	mu    sync.Mutex
	began time.Time
	last  map[string]story.Resource
	rows  []string
	bars  []string
}

func newLedger(began time.Time) *ledger {
	return &ledger{began: began, last: map[string]story.Resource{}}
}

// Add enters a step.
func (l *ledger) Add(at time.Time, step, object, output string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.add(at, step, object, output)
}

func (l *ledger) add(at time.Time, step, object, output string) {
	output = digest.ReplaceAllStringFunc(output, short)
	if output == "" {
		output = "-"
	}
	l.rows = append(l.rows, fmt.Sprintf("%s\t%s\t%s\t%.1f s", step, object, output, at.Sub(l.began).Seconds()))
}

// Change enters each resource of a Workload whose object or output is new.
func (l *ledger) Change(c story.Change) {
	if c.Live == nil || c.Live.GetKind() != "Workload" {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range story.Resources(c.Live) {
		if r.Object != "" && r != l.last[r.Name] {
			l.last[r.Name] = r
			l.add(c.At, "resource "+r.Name, r.Object, r.Output)
		}
	}
}

// Bar enters a duration and the most that it should have been.
func (l *ledger) Bar(what string, took, most time.Duration) {
	verdict := "met"
	if took > most {
		verdict = "MISSED"
	}
	l.bars = append(l.bars, fmt.Sprintf("%s\t%.1f s\t≤ %.0f s\t%s", what, took.Seconds(), most.Seconds(), verdict))
}

// Show prints both tables.
func (l *ledger) Show(t *teller) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t.Table("STEP\tOBJECT\tOUTPUT\tAT", l.rows)
	t.Table("DURATION\tTOOK\tBAR (warm build cache)\t", l.bars)
}
