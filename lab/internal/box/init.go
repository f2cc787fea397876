// SPDX-License-Identifier: Apache-2.0

//go:build linux

package box

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

// Init is process 1 of a box: it sets the box up, runs the lab's "inside"
// command, reaps orphans, and ends with that command, which makes the kernel
// end whatever else is left.
func Init(dataDir string) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding our own program: %w", err)
	}
	if err := mounts(dataDir, filepath.Dir(self)); err != nil {
		return err
	}
	if err := network(); err != nil {
		return err
	}
	if err := syscall.Sethostname([]byte("lab")); err != nil {
		return fmt.Errorf("setting the host name: %w", err)
	}
	inside := filepath.Join(BinDir, filepath.Base(self))
	child, err := os.StartProcess(inside, []string{inside, "inside"}, &os.ProcAttr{
		Dir:   "/",
		Env:   []string{"PATH=" + BinDir + ":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=" + DataDir},
		Files: []*os.File{nil, os.Stdout, os.Stderr, os.NewFile(3, "progress")},
	})
	if err != nil {
		return fmt.Errorf("starting the lab inside its box: %w", err)
	}
	terms := make(chan os.Signal, 4)
	signal.Notify(terms, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		for range terms {
			_ = syscall.Kill(child.Pid, syscall.SIGTERM)
		}
	}()
	return reap(child.Pid)
}

// reap collects every process that ends until main does, then ends the rest
// and counts them to zero.
func reap(main int) error {
	var verdict error
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
		case errors.Is(err, syscall.ECHILD):
			return verdict
		case err != nil:
			return fmt.Errorf("reaping: %w", err)
		case pid == main:
			if status.ExitStatus() != 0 {
				verdict = fmt.Errorf("the lab inside ended with status %d (signal %v)", status.ExitStatus(), status.Signal())
			}
			_ = syscall.Kill(-1, syscall.SIGKILL)
		}
	}
}
