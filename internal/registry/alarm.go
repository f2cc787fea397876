// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"
)

const (
	// stall is how long least bytes of a blob may take: the whole may take hours, and one byte a second is no blob.
	stall = 30 * time.Second
	least = 16 << 10
	// commit is how long a registry may take to store what it was sent.
	commit = 2 * time.Minute
)

// alarm ends what makes no progress.
type alarm struct {
	timer *time.Timer
	every time.Duration

	mu    sync.Mutex // a transport may read yet when its request has ended
	moved int
}

// newAlarm makes one that is not set yet.
func newAlarm(every time.Duration, ring func()) *alarm {
	a := &alarm{timer: time.AfterFunc(every, ring), every: every}
	a.stop()
	return a
}

// move puts the alarm off, once enough has moved.
func (a *alarm) move(n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.moved += n; a.moved >= least {
		a.moved = 0
		a.timer.Reset(a.every)
	}
}

// wait sets the alarm anew, for whatever comes now.
func (a *alarm) wait(d time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.moved = 0
	a.timer.Reset(d)
}

func (a *alarm) stop() { a.timer.Stop() }

// watched moves an alarm by what is read.
type watched struct {
	r     io.Reader
	alarm *alarm
}

func (b *watched) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	b.alarm.move(n)
	return n, err
}

// cause adds to an error why its context ended.
func cause(ctx context.Context, err error) error {
	if why := context.Cause(ctx); why != nil {
		return fmt.Errorf("%w: %w", why, err)
	}
	return err
}
