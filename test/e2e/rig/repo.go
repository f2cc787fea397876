// SPDX-License-Identifier: Apache-2.0

package rig

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Repo is a checkout of the repository.
type Repo struct {
	// Root is its folder, absolute.
	Root string
}

// Find looks for the repository from the working folder upwards.
func Find() (Repo, error) {
	dir, err := os.Getwd()
	if err != nil {
		return Repo{}, fmt.Errorf("finding the repository: %w", err)
	}
	for ; ; dir = filepath.Dir(dir) {
		mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && bytes.HasPrefix(mod, []byte("module rhumb.run/rhumb\n")) {
			return Repo{Root: dir}, nil
		}
		if dir == filepath.Dir(dir) {
			return Repo{}, errors.New("finding the repository: no go.mod of rhumb.run/rhumb here or above")
		}
	}
}

// Path is a path inside the repository.
func (r Repo) Path(elem ...string) string {
	return filepath.Join(append([]string{r.Root}, elem...)...)
}

// Run runs a program in the repository's root and returns what it wrote to
// standard output. An error quotes the end of what it wrote to standard error.
func (r Repo) Run(ctx context.Context, env []string, name string, args ...string) (string, error) {
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = r.Root, &out, &errs
	cmd.Env = append(os.Environ(), env...)
	// A program that is asked to end may clean up; one that does not is killed.
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("running %s %s: %w\n%s", filepath.Base(name), strings.Join(args, " "), err, tail(errs.String(), 20))
	}
	return out.String(), nil
}

// tail returns the last n lines of s.
func tail(s string, n int) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	if len(lines) > n {
		lines = lines[len(lines)-n:]
	}
	return strings.Join(lines, "\n")
}
