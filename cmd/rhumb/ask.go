// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
)

// asker asks before something is changed.
type asker struct {
	io *streams
	// out is where the question goes.
	out io.Writer
	// yes answers every question.
	yes  bool
	sign string
	in   *bufio.Reader
}

// ask returns whether the answer is yes. Where nobody can answer, it is an
// error: silence is no consent, and a script that hangs helps nobody.
func (a *asker) ask(format string, args ...any) (bool, error) {
	if a.yes {
		return true, nil
	}
	question := fmt.Sprintf(format, args...)
	if !onTerminal(a.io.in) {
		return false, fmt.Errorf("%s? Nobody can answer that, since standard input is no terminal: add --yes to agree", question)
	}
	if a.in == nil {
		a.in = bufio.NewReader(a.io.in)
	}
	for {
		sayf(a.out, "%s%s? [yN]: ", a.sign, question)
		line, err := a.in.ReadString('\n')
		switch strings.ToLower(strings.TrimSpace(line)) {
		case "y", "yes":
			return true, nil
		case "", "n", "no":
			if err != nil {
				sayf(a.out, "\n")
			}
			return false, nil
		}
		if err != nil {
			if errors.Is(err, io.EOF) {
				return false, nil
			}
			return false, fmt.Errorf("reading the answer: %w", err)
		}
	}
}
