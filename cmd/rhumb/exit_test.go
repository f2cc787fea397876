// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"
)

// full is a disk.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestExitCodes(t *testing.T) {
	const chain = "../../examples/simple-supply-chain"
	for name, c := range map[string]struct {
		why  string
		args []string
		out  io.Writer
		want int
	}{
		"Well":          {"nothing is wrong", []string{"rhumb", "lint", chain}, nil, 0},
		"Open":          {"an output that nobody gave is no error", []string{"rhumb", "render", "-f", chain}, nil, 0},
		"Strict":        {"unless it is asked for", []string{"rhumb", "render", "-f", chain, "--strict"}, nil, 1},
		"Wrong":         {"what was read is wrong", []string{"rhumb", "lint", "doc.go"}, nil, 1},
		"Command":       {"there is no such command", []string{"rhumb", "lnt"}, nil, 2},
		"Flag":          {"there is no such flag", []string{"rhumb", "lint", "--nothing"}, nil, 2},
		"Arguments":     {"something must be named", []string{"rhumb", "test"}, nil, 2},
		"Value":         {"a value that a flag does not take", []string{"rhumb", "render", "-f", chain, "-o", "xml"}, nil, 2},
		"Full":          {"nobody gets the answer", []string{"rhumb", "render", "-f", chain, "--output", "image-builder.image=a"}, full{}, 3},
		"Cartotest":     {"it knew no code for this", []string{"cartotest"}, nil, 1},
		"CartotestFlag": {"nor for this", []string{"cartotest", "--nothing", chain}, nil, 1},
		"CartotestWell": {"a story will do", []string{"cartotest", filepath.Join(chain, "story.txtar")}, nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			var out, err bytes.Buffer
			s := &streams{in: strings.NewReader(""), out: &out, err: &err}
			if c.out != nil {
				s.out = c.out
			}
			if got := run(t.Context(), s, c.args); got != c.want {
				t.Errorf("%s: exit code %d, want %d: %s%s", c.why, got, c.want, &out, &err)
			}
		})
	}
}
