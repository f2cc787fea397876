// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"rhumb.run/rhumb/lab/internal/layout"
)

// Down ends the lab and returns when nothing of it is left but its data. It
// says whether there was anything to end.
func Down(ctx context.Context, l layout.Layout) (bool, error) {
	holder, err := Look(l)
	if err != nil {
		return false, err
	}
	if !holder.Alive {
		lost, err := endOrphans(ctx, l.Root)
		if err != nil {
			return true, err
		}
		return lost || holder.PID != 0, sweep(l)
	}
	if err := syscall.Kill(holder.PID, syscall.SIGTERM); err != nil && !errors.Is(err, syscall.ESRCH) {
		return true, fmt.Errorf("ending the supervisor (pid %d): %w", holder.PID, err)
	}
	if err := awaitUnlocked(ctx, l, 60*time.Second); err == nil {
		return true, sweep(l)
	}
	if err := syscall.Kill(holder.PID, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		return true, fmt.Errorf("ending the supervisor (pid %d) by force: %w", holder.PID, err)
	}
	if err := awaitUnlocked(ctx, l, 10*time.Second); err != nil {
		return true, err
	}
	return true, sweep(l)
}

func awaitUnlocked(ctx context.Context, l layout.Layout, limit time.Duration) error {
	deadline := time.After(limit)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		holder, err := Look(l)
		if err != nil || !holder.Alive {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-deadline:
			return fmt.Errorf("the supervisor (pid %d) does not end; see %s", holder.PID, l.Log("supervisor"))
		case <-tick.C:
		}
	}
}

// sweep removes what an unclean end may have left outside the processes,
// which the kernel ends with their supervisor.
func sweep(l layout.Layout) error {
	if err := os.RemoveAll(l.State("run")); err != nil {
		return fmt.Errorf("removing sockets: %w", err)
	}
	s, err := l.Load()
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if s.Node {
		return sweepNode(s)
	}
	return nil
}
