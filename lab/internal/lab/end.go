// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// endNode ends a lab with a node, in the order that leaves nothing waiting
// for what is gone: who starts pods, the pods, their runtime, the rest.
func (p *plane) endNode() {
	p.group.Stop("kubelet", "kube-proxy")
	p.endPods(2 * time.Second)
	p.group.Stop("containerd")
	p.group.StopAll()
}

// endPods asks every container to end, then ends it, and its shim with it.
func (p *plane) endPods(grace time.Duration) {
	for _, pid := range p.strangers(false) {
		_ = syscall.Kill(pid, syscall.SIGTERM)
	}
	deadline := time.Now().Add(grace)
	for len(p.strangers(false)) > 0 && time.Now().Before(deadline) {
		time.Sleep(20 * time.Millisecond)
	}
	deadline = time.Now().Add(5 * time.Second)
	for time.Now().Before(deadline) {
		left := p.strangers(true)
		if len(left) == 0 {
			return
		}
		for _, pid := range left {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// strangers are the processes of our process namespace that are neither us,
// process 1 nor one of the lab's components: containers and, if asked for,
// their shims.
func (p *plane) strangers(shims bool) []int {
	ours := map[int]bool{1: true, os.Getpid(): true}
	for _, s := range p.group.Statuses() {
		ours[s.PID] = true
	}
	var out []int
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil || ours[pid] {
			continue
		}
		cmdline, err := os.ReadFile(filepath.Join(dir, "cmdline"))
		if err != nil || len(cmdline) == 0 {
			continue // gone, or a zombie
		}
		program, _, _ := strings.Cut(string(cmdline), "\x00")
		if shims || !strings.HasPrefix(filepath.Base(program), "containerd-shim") {
			out = append(out, pid)
		}
	}
	return out
}
