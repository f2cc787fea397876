// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"rhumb.run/rhumb/test/e2e/story"
)

// teller prints the story: steps in bold and times in grey on a terminal, plain
// lines elsewhere.
type teller struct {
	mu     sync.Mutex
	w      io.Writer
	began  time.Time
	colour bool
}

func newTeller(f *os.File, began time.Time) *teller {
	info, err := f.Stat()
	terminal := err == nil && info.Mode()&os.ModeCharDevice != 0
	return &teller{w: f, began: began, colour: terminal && os.Getenv("NO_COLOR") == ""}
}

const (
	bold = "1"
	grey = "90"
)

func (t *teller) paint(code, s string) string {
	if !t.colour {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func (t *teller) line(at time.Time, s string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	clock := fmt.Sprintf("%6.1f s ", at.Sub(t.began).Seconds())
	_, _ = fmt.Fprintln(t.w, t.paint(grey, clock), s)
}

// Step says what is done now.
func (t *teller) Step(s string) { t.line(time.Now(), t.paint(bold, "==> "+s)) }

// Change says what an object did.
func (t *teller) Change(c story.Change) {
	t.line(c.At, fmt.Sprintf("    %-22s %s", c.Object, c.What))
}

// escapes are the colours in what programs write.
var escapes = regexp.MustCompile("\x1b\\[[0-9;]*[A-Za-z]")

// Log prints a line that some program wrote.
func (t *teller) Log(s string) {
	if !t.colour {
		s = escapes.ReplaceAllString(s, "")
	}
	t.line(time.Now(), "    │ "+s)
}

// Note prints a line that has no time.
func (t *teller) Note(s string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, _ = fmt.Fprintln(t.w, s)
}

// Shell prints a command as typed, and what it said.
func (t *teller) Shell(command, output string) {
	t.Note("\n" + t.paint(bold, "$ "+command) + "\n" + strings.TrimRight(output, "\n"))
}

// Table prints rows under a head.
func (t *teller) Table(head string, rows []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, _ = fmt.Fprintln(t.w)
	w := tabwriter.NewWriter(t.w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, head)
	for _, r := range rows {
		_, _ = fmt.Fprintln(w, r)
	}
	_ = w.Flush()
}
