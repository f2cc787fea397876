// SPDX-License-Identifier: Apache-2.0

//go:build linux

package box

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"testing"
	"time"
)

// Whom this program plays when the test starts it: somebody who attends a script, and the script's program, which counts.
const (
	attended = "BOX_ATTENDED"
	counting = "BOX_COUNTING"
)

func TestMain(m *testing.M) {
	if os.Getenv(counting) != "" {
		os.Exit(count())
	}
	script := os.Getenv(attended)
	if script == "" {
		os.Exit(m.Run())
	}
	cmd := exec.Command("sh", "-c", script)
	cmd.Stdout = os.Stdout
	code, err := attend(cmd)
	if err != nil {
		code = 1
	}
	os.Exit(code)
}

// count says how often it was asked to end, after 40. It gives a second question some time, and the first one much. Two that
// come close together are one, so it says 50 if it is in the group of who runs it.
func count() int {
	if syscall.Getpgrp() != os.Getpid() {
		return 50
	}
	asked := make(chan os.Signal, 8)
	signal.Notify(asked, syscall.SIGTERM, syscall.SIGINT)
	fmt.Println("up")
	n := 0
	for limit := time.After(10 * time.Second); ; {
		select {
		case <-asked:
			n++
			limit = time.After(100 * time.Millisecond)
		case <-limit:
			return 40 + n
		}
	}
}

// What we are asked to do is asked of the program that we run for somebody, once, and its exit code is ours.
func TestAttend(t *testing.T) {
	counts := "exec env " + counting + "=1 " + os.Args[0]
	for name, tc := range map[string]struct {
		why, script string
		signal      syscall.Signal // none if 0
		group       bool           // sent to whoever runs it and all that it started
		want        int
	}{
		"Ends":        {"its exit code says how it went", "exit 3", 0, false, 3},
		"Killed":      {"as a shell would say it", "kill -9 $$", 0, false, 137},
		"Terminated":  {"it may clean up", counts, syscall.SIGTERM, false, 41},
		"Group":       {"many take a second question for the order to drop everything", counts, syscall.SIGTERM, true, 41},
		"Interrupted": {"by Ctrl-C at a terminal whose keys it does not read", counts, syscall.SIGINT, true, 41},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), attended+"="+tc.script)
			cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			to := cmd.Process.Pid
			if tc.group {
				to = -to
			}
			for lines := bufio.NewScanner(out); lines.Scan(); {
				if err := syscall.Kill(to, tc.signal); err != nil {
					t.Error(err)
				}
			}
			ended, ok := errors.AsType[*exec.ExitError](cmd.Wait())
			if !ok || ended.ExitCode() != tc.want {
				t.Errorf("%s: it ended with %v, want %d", tc.why, ended, tc.want)
			}
		})
	}
}
