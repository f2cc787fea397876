// SPDX-License-Identifier: Apache-2.0

package ytt

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
)

// death is the end of a helper, told to the one whose template it was about.
// The text is ours and the runtime's: nothing of a template's data is in it.
type death struct {
	cause cause
	err   error
}

// cause is why a helper ended, and a label of a metric.
type cause string

const (
	overflowed cause = "stack"    // the template recurses without end
	exhausted  cause = "memory"   // the template wants too much
	timedOut   cause = "time"     // or takes too long
	broken     cause = "unknown"  // somebody killed it, or a bug of ours or ytt's
	abandoned  cause = "canceled" // nobody waits for the answer any more
)

func (d *death) Error() string { return d.err.Error() }

func (d *death) Unwrap() error { return d.err }

// certain is true if the same template with the same data will end the next helper too.
func (d *death) certain() bool { return d.cause == overflowed || d.cause == exhausted }

// lastWords keeps the beginning of what a helper says to its standard error.
type lastWords struct {
	mu   sync.Mutex
	said bytes.Buffer
}

const maxLastWords = 4 << 10

// Write never fails: what is too much is dropped.
func (l *lastWords) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.said.Write(p[:min(len(p), maxLastWords-l.said.Len())])
	return len(p), nil
}

// death tells why a helper ended. What a panic says may be made of a
// template's data; of a fatal error the words are the runtime's.
func (l *lastWords) death(exit error, limits Limits) *death {
	l.mu.Lock()
	defer l.mu.Unlock()
	said := l.said.String()
	const ended = "the template ended the process that evaluates it"
	switch {
	case strings.Contains(said, "stack overflow"), strings.Contains(said, "goroutine stack exceeds"):
		return &death{overflowed, fmt.Errorf("%s (stack overflow): does a value refer to itself?", ended)}
	case strings.Contains(said, "out of memory"), strings.Contains(said, "cannot allocate memory"):
		return &death{exhausted, fmt.Errorf("%s (out of memory: it needs more than %d MiB): does a value refer to itself?", ended, limits.Memory>>20)}
	}
	return &death{broken, fmt.Errorf("the process that evaluates the template ended (%w)", exit)}
}
