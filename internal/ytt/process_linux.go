// SPDX-License-Identifier: Apache-2.0

package ytt

import (
	"os/exec"
	"syscall"
)

// self is this program, even if its file was replaced since it was started.
func self() (string, error) { return "/proc/self/exe", nil }

// attach ties a helper's life to ours, and keeps a terminal's signals from it.
func attach(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}

// limitMemory bounds what this process can write to: beyond it, the runtime
// gets no more from the kernel and ends the process. (RLIMIT_AS would count
// address space too, of which Go reserves plenty without using it.)
func limitMemory(most int) error {
	limit := syscall.Rlimit{Cur: uint64(most), Max: uint64(most)}
	return syscall.Setrlimit(syscall.RLIMIT_DATA, &limit)
}
