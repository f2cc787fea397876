// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"rhumb.run/rhumb/lab/internal/process"
)

// translate turns the process ids that the inside of a box reports into those
// that the machine knows the same processes by.
func translate(components []process.Status, boxPID int) {
	namespace := func(pid string) string {
		link, _ := os.Readlink(filepath.Join("/proc", pid, "ns/pid"))
		return link
	}
	ours := namespace(strconv.Itoa(boxPID))
	outer := map[int]int{}
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		pid := filepath.Base(dir)
		if namespace(pid) != ours {
			continue
		}
		raw, err := os.ReadFile(filepath.Join(dir, "status"))
		if err != nil {
			continue
		}
		if out, in, ok := nspid(string(raw)); ok {
			outer[in] = out
		}
	}
	for i, c := range components {
		if pid, ok := outer[c.PID]; ok {
			components[i].PID = pid
		}
	}
}

// nspid reads the outermost and the innermost id of a process from its
// /proc/<pid>/status.
func nspid(status string) (outer, inner int, ok bool) {
	for line := range strings.Lines(status) {
		if rest, found := strings.CutPrefix(line, "NSpid:"); found {
			f := strings.Fields(rest)
			if len(f) < 2 {
				return 0, 0, false
			}
			_, err1 := fmt.Sscan(f[0], &outer)
			_, err2 := fmt.Sscan(f[len(f)-1], &inner)
			return outer, inner, err1 == nil && err2 == nil
		}
	}
	return 0, 0, false
}
