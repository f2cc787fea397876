// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// orphans are supervisors whose data directory was deleted while they ran: no
// lock tells of them. It finds those that "up" left running.
func orphans(root string) []int {
	var out []int
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		raw, err := os.ReadFile(filepath.Join(dir, "cmdline"))
		if err != nil {
			continue // gone
		}
		args := strings.Split(strings.TrimRight(string(raw), "\x00"), "\x00")
		if len(args) == 4 && slices.Equal(args[1:], []string{"supervise", "--data-dir", root}) {
			if pid, err := strconv.Atoi(filepath.Base(dir)); err == nil {
				out = append(out, pid)
			}
		}
	}
	return out
}

// endOrphans ends them, and says whether there were any. What they ran ends with them.
func endOrphans(ctx context.Context, root string) (bool, error) {
	pids := orphans(root)
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		for _, pid := range orphans(root) {
			if err := syscall.Kill(pid, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
				return true, fmt.Errorf("ending the supervisor (pid %d) of a lab whose folder %s was deleted: %w", pid, root, err)
			}
		}
		deadline, tick := time.After(60*time.Second), time.NewTicker(50*time.Millisecond)
		defer tick.Stop()
		for waiting := true; waiting; {
			if len(orphans(root)) == 0 {
				return len(pids) > 0, nil
			}
			select {
			case <-ctx.Done():
				return true, ctx.Err()
			case <-deadline:
				waiting = false
			case <-tick.C:
			}
		}
	}
	return true, fmt.Errorf("the supervisors (pids %v) of a lab whose folder %s was deleted do not end", pids, root)
}
