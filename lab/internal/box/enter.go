// SPDX-License-Identifier: Apache-2.0

//go:build linux

package box

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"

	"golang.org/x/sys/unix"
)

// Enter runs argv within the box whose process 1 is pid, on our terminal, and
// returns its exit code.
func Enter(pid int, argv []string, env []string) (int, error) {
	type result struct {
		code int
		err  error
	}
	done := make(chan result)
	go func() {
		// The thread changes its namespaces for good, so it is never given back.
		runtime.LockOSThread()
		code, err := enter(pid, argv, env)
		done <- result{code, err}
	}()
	r := <-done
	return r.code, r.err
}

func enter(pid int, argv []string, env []string) (int, error) {
	var files []*os.File
	for _, ns := range []string{"net", "uts", "ipc", "pid", "mnt"} {
		f, err := os.Open(fmt.Sprintf("/proc/%d/ns/%s", pid, ns))
		if err != nil {
			return 0, fmt.Errorf("opening the lab's namespaces: %w", err)
		}
		defer f.Close()
		files = append(files, f)
	}
	// A thread may only change its mounts once it shares its directory with no other.
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return 0, fmt.Errorf("preparing to enter: %w", err)
	}
	for _, f := range files {
		if err := unix.Setns(int(f.Fd()), 0); err != nil {
			return 0, fmt.Errorf("entering the lab's namespaces: %w", err)
		}
	}
	path, err := lookIn(argv[0], BinDir, "/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
	if err != nil {
		return 0, err
	}
	cmd := &exec.Cmd{Path: path, Args: argv, Env: env, Dir: "/", Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}
	code, err := attend(cmd)
	if err != nil {
		return 0, fmt.Errorf("running %s: %w", argv[0], err)
	}
	return code, nil
}

// lookIn finds a program as seen from where the calling thread is.
func lookIn(name string, dirs ...string) (string, error) {
	if name != "" && (name[0] == '/' || name[0] == '.') {
		return name, nil
	}
	for _, d := range dirs {
		if unix.Access(d+"/"+name, unix.X_OK) == nil {
			return d + "/" + name, nil
		}
	}
	return "", fmt.Errorf("no program %q in the lab: %w", name, exec.ErrNotFound)
}
