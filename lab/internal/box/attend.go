// SPDX-License-Identifier: Apache-2.0

//go:build linux

package box

import (
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

// attend runs a command to its end and returns its exit code. What we are asked
// to do meanwhile, it is asked to do: whoever started us does not see it.
//
//	at a terminal       one group with us: Ctrl-C reaches it without us, SIGTERM is passed on
//	without a terminal  a group of its own, so that what our whole group is told it is told once, by us
func attend(cmd *exec.Cmd) (int, error) {
	asked := []os.Signal{syscall.SIGTERM}
	if !slices.ContainsFunc([]*os.File{os.Stdin, os.Stdout, os.Stderr}, interactive) {
		asked = append(asked, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT)
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	}
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, asked...)
	defer signal.Stop(signals)
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	over := make(chan struct{})
	defer close(over)
	go func() {
		for {
			select {
			case s := <-signals:
				_ = cmd.Process.Signal(s) // it may have ended just now
			case <-over:
				return
			}
		}
	}()
	err := cmd.Wait()
	ended, ok := errors.AsType[*exec.ExitError](err)
	switch {
	case err == nil:
		return 0, nil
	case !ok:
		return 0, err
	}
	if code := ended.ExitCode(); code >= 0 {
		return code, nil
	}
	return 128 + int(ended.Sys().(syscall.WaitStatus).Signal()), nil
}

// interactive says whether a file is the terminal at which we are in front: what is typed there is for us.
func interactive(f *os.File) bool {
	group, err := unix.IoctlGetInt(int(f.Fd()), unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
}
