// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"sync"
	"time"

	"github.com/sirupsen/logrus"
)

// calm prints a message once per period and counts the rest: a notification
// nobody listens to is retried every few seconds and would fill the log.
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
	if len(c.seen) > 1000 {
		clear(c.seen)
	}
	c.seen[e.Message] = repeat{since: c.now()}
	if r.count > 0 {
		e = e.WithField("repeated", r.count)
	}
	return c.next.Format(e)
}
