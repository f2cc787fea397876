// SPDX-License-Identifier: Apache-2.0

package process

import "syscall"

// attributes make the kernel kill a child whose parent dies, and keep the
// terminal's signals from it.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}
