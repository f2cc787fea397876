// SPDX-License-Identifier: Apache-2.0

package rig

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// Shell runs a program in the lab's own network and returns what it printed.
func (l Lab) Shell(ctx context.Context, argv ...string) (string, error) {
	return l.Repo.Run(ctx, nil, l.Repo.Path("bin", "rhumb-lab"), append([]string{"shell", "--data-dir", l.Dir, "--"}, argv...)...)
}

// Hub is what the lab's Docker Hub was asked for since it started.
type Hub struct {
	Requests map[string]int // by method and kind: "GET manifests"
	Logins   map[string]int // users whose passwords it was shown
}

// Hub asks the lab's Docker Hub how it is, or tells it how to be first.
func (l Lab) Hub(ctx context.Context, how ...string) (Hub, error) {
	var h Hub
	out, err := l.run(ctx, "hub", append(how, "--output", "json")...)
	if err != nil {
		return h, err
	}
	if err := json.Unmarshal([]byte(out), &h); err != nil {
		return h, fmt.Errorf("reading what the hub says: %w", err)
	}
	return h, nil
}

// Inside is a program that runs in the lab's own network.
type Inside struct {
	cmd   *exec.Cmd
	out   *os.File
	ended chan struct{}
}

// Start starts a program in the lab's own network, with more environment, and
// hands on each line that it writes. It ends when it is told to.
func (l Lab) Start(env []string, line func(string), argv ...string) (*Inside, error) {
	cmd := exec.Command(l.Repo.Path("bin", "rhumb-lab"), append([]string{"shell", "--data-dir", l.Dir, "--"}, argv...)...)
	cmd.Env = append(os.Environ(), env...)
	// What is typed at our terminal is for us, who end it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("making a pipe: %w", err)
	}
	cmd.Stdout, cmd.Stderr = w, w
	err = cmd.Start()
	_ = w.Close()
	if err != nil {
		_ = r.Close()
		return nil, fmt.Errorf("starting %s in the lab: %w", argv[0], err)
	}
	p := &Inside{cmd, r, make(chan struct{})}
	go func() {
		defer close(p.ended)
		for s := bufio.NewScanner(r); s.Scan(); {
			line(s.Text())
		}
		_, _ = io.Copy(io.Discard, r)
		_ = r.Close()
		_ = cmd.Wait()
	}()
	return p, nil
}

// Alive says whether it still runs.
func (p *Inside) Alive() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// Stop asks the program to end. After ten seconds it is left to the lab, which
// ends all that is in it.
func (p *Inside) Stop() error {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // which is passed on to it
	select {
	case <-p.ended:
		return nil
	case <-time.After(10 * time.Second):
		_ = p.cmd.Process.Kill()
		_ = p.out.Close() // it may hold the other end
		<-p.ended
		return errors.New("stopping " + strings.Join(p.cmd.Args[5:], " ") + ": it did not end when asked")
	}
}
