// SPDX-License-Identifier: Apache-2.0

package draft

import (
	"fmt"
	"strings"

	"github.com/pmezard/go-difflib/difflib"
)

// around is how many unchanged lines are shown beside a change.
const around = 4

// Mark says what a line of a difference is, so that whoever prints it can colour it.
type Mark rune

// What a line is.
const (
	Added   Mark = '+'
	Removed Mark = '-'
	Kept    Mark = ' '
	Skipped Mark = '.'
)

// Line is a line of a difference, with the numbers it has in both texts.
type Line struct {
	Mark Mark
	Text string
}

// Diff compares two texts line by line. Unchanged lines carry both numbers,
// removed ones the old and added ones the new; far from a change they are left
// out. An empty text before means that all is new.
func Diff(before, after string) []Line {
	a, b := split(before), split(after)
	var out []Line
	m := difflib.NewMatcher(a, b)
	groups := m.GetGroupedOpCodes(around)
	for i, g := range groups {
		if first := g[0]; i > 0 || first.I1 > 0 {
			out = append(out, Line{Skipped, "..."})
		}
		for _, c := range g {
			out = append(out, changed(a, b, c)...)
		}
	}
	if n := len(groups); n > 0 && groups[n-1][len(groups[n-1])-1].I2 < len(a) {
		out = append(out, Line{Skipped, "..."})
	}
	return out
}

func changed(a, b []string, c difflib.OpCode) []Line {
	var out []Line
	if c.Tag == 'e' {
		for i, l := range a[c.I1:c.I2] {
			out = append(out, Line{Kept, fmt.Sprintf("%3d,%3d   |%s", c.I1+i+1, c.J1+i+1, l)})
		}
		return out
	}
	for i, l := range a[c.I1:c.I2] {
		out = append(out, Line{Removed, fmt.Sprintf("%3d     - |%s", c.I1+i+1, l)})
	}
	for i, l := range b[c.J1:c.J2] {
		out = append(out, Line{Added, fmt.Sprintf("    %3d + |%s", c.J1+i+1, l)})
	}
	return out
}

func split(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}
