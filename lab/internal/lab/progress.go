// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// Event is a step of a start, as the supervisor reports it.
type Event struct {
	Text  string `json:"text,omitempty"`
	Ready bool   `json:"ready,omitempty"`
	Error string `json:"error,omitempty"`
}

// Emit takes the events of a start.
type Emit func(Event)

// Say reports a line.
func (e Emit) Say(format string, args ...any) { e(Event{Text: fmt.Sprintf(format, args...)}) }

// Wire writes each event as a line of JSON. What it writes to may be closed
// by then, since nobody listens to a lab that is up.
func Wire(w io.Writer) Emit {
	enc := json.NewEncoder(w)
	return func(e Event) { _ = enc.Encode(e) }
}

// Print writes each event for people, with the seconds since began.
func Print(w io.Writer, began time.Time) Emit {
	return func(e Event) {
		switch {
		case e.Error != "":
			return
		case e.Ready:
			fmt.Fprintf(w, "%6.1fs  ready\n", time.Since(began).Seconds())
		default:
			fmt.Fprintf(w, "%6.1fs  %s\n", time.Since(began).Seconds(), e.Text)
		}
	}
}

// relay passes on the events read from r until one ends the start, or r does.
func relay(r io.Reader, emit Emit) (Event, bool) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var e Event
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			continue
		}
		if e.Ready || e.Error != "" {
			return e, true
		}
		emit(e)
	}
	return Event{}, false
}
