// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
)

// sink remembers that something could not be written, so that the exit code
// tells, and nobody who writes has to.
type sink struct {
	w   io.Writer
	err error
}

func (s *sink) Write(p []byte) (int, error) {
	n, err := s.w.Write(p)
	if err != nil && s.err == nil {
		s.err = err
	}
	return n, err
}

// sayf writes to a sink.
func sayf(w io.Writer, format string, args ...any) {
	fmt.Fprintf(w, format, args...) //nolint:errcheck // the sink remembers it
}
