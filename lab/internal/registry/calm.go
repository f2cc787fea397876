// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"strings"
	"sync"
	"time"

	"github.com/sirupsen/logrus"
)

// calm prints the failure of a notification once per period and counts the
// rest: one that nobody listens to is retried every few seconds and would fill
// the log. All other messages pass.
type calm struct {
	next  logrus.Formatter
	every time.Duration
	now   func() time.Time

	mu   sync.Mutex
	seen map[string]repeat
}

type repeat struct {
	since time.Time
	count int
}

// Format implements logrus.Formatter.
func (c *calm) Format(e *logrus.Entry) ([]byte, error) {
	if !strings.HasPrefix(e.Message, "retryingsink:") {
		return c.next.Format(e)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.seen == nil {
		c.seen = map[string]repeat{}
	}
	r, again := c.seen[e.Message]
	if again && c.now().Sub(r.since) < c.every {
		r.count++
		c.seen[e.Message] = r
		return nil, nil
	}
	c.seen[e.Message] = repeat{since: c.now()}
	level, message := e.Level, e.Message // which Dup leaves behind
	e = e.Dup()
	e.Level, e.Message = level, message
	delete(e.Data, "event") // a page of text that says no more than the error
	if r.count > 0 {
		e.Data["repeated"] = r.count
	}
	return c.next.Format(e)
}
