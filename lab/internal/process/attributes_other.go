// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package process

import "syscall"

// attributes keep the terminal's signals from a child. Only Linux kills it
// when its parent dies unexpectedly.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
