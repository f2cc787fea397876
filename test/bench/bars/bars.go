// SPDX-License-Identifier: Apache-2.0

// Package bars is how benchmarks say what they found.
//
//	Bar: measured, and what it should be ─Table─▶ Markdown ─Record─▶ docs/performance.md
//
// It never measures.
package bars

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"rhumb.run/rhumb/test/e2e/rig"
)

// Bar is one line of the result: what was measured, and what it should be.
type Bar struct {
	What     string
	Got      float64
	Format   string // of Got
	Most     float64
	AtLeast  bool   // Most is the least instead
	Evidence string // the figures behind it
}

// Met says whether the bar was reached.
func (b Bar) Met() bool {
	if b.AtLeast {
		return b.Got >= b.Most
	}
	return b.Got <= b.Most
}

// Over is a/b, and large where b is too small to be measured.
func Over(a, b float64) float64 { return a / max(b, 0.001) }

// Table prints bars as Markdown.
func Table(bars []Bar) string {
	var s strings.Builder
	s.WriteString("| | measured | bar | | figures |\n|---|---|---|---|---|\n")
	for _, b := range bars {
		sign, verdict := "≤", "met"
		if b.AtLeast {
			sign = "≥"
		}
		if !b.Met() {
			verdict = "**missed**"
		}
		fmt.Fprintf(&s, "| %s | %s | %s %g | %s | %s |\n", b.What, fmt.Sprintf(b.Format, b.Got), sign, b.Most, verdict, b.Evidence)
	}
	return s.String()
}

// Head says when, what and where.
func Head(ctx context.Context, repo rig.Repo, what string) (string, error) {
	commit, err := repo.Run(ctx, nil, "git", "describe", "--always", "--dirty")
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("### %s, commit %s: %s, %d cores, %s\n\n",
		time.Now().UTC().Format(time.DateOnly), strings.TrimSpace(commit), what, runtime.NumCPU(), runtime.Version()), nil
}

// Record adds a text to the end of a file.
func Record(path, text string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	if _, err := f.WriteString("\n" + text); err != nil {
		return err
	}
	return f.Close()
}
