// SPDX-License-Identifier: Apache-2.0

package rig

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// Controller is rhumb-controller as a process of this machine.
type Controller struct {
	cmd   *exec.Cmd
	ended chan error
	log   string
	// Metrics is the URL of its metrics.
	Metrics string
}

// StartController builds rhumb-controller, runs it against a lab with a folder
// of that lab for its log, and returns when it says that it is ready.
func StartController(ctx context.Context, l Lab, args ...string) (*Controller, error) {
	bin := l.Repo.Path("bin", "rhumb-controller")
	if _, err := l.Repo.Run(ctx, nil, "go", "build", "-o", bin, "./cmd/rhumb-controller"); err != nil {
		return nil, err
	}
	k, err := l.Kubeconfig(ctx)
	if err != nil {
		return nil, err
	}
	ports, err := freePorts(3)
	if err != nil {
		return nil, err
	}
	c := &Controller{
		ended: make(chan error, 1), Metrics: "http://" + ports[0] + "/metrics",
		log: filepath.Join(l.Dir, "rhumb-controller.log"),
	}
	out, err := os.OpenFile(c.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, err
	}
	defer func() { _ = out.Close() }()
	c.cmd = exec.Command(bin, append([]string{
		"--kubeconfig", k, "--metrics-bind-address", ports[0], "--health-probe-bind-address", ports[1],
		"--artifact-bind-address", ports[2], "--artifact-address", ports[2], "--artifact-dir", filepath.Join(l.Dir, "artifacts"),
		"--webhook-bind-address", "0",
	}, args...)...)
	c.cmd.Stdout, c.cmd.Stderr = out, out
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting rhumb-controller: %w", err)
	}
	go func() { c.ended <- c.cmd.Wait() }()
	return c, c.ready(ctx, "http://"+ports[1]+"/readyz")
}

// ready waits until the controller answers its probe, or is no more.
func (c *Controller) ready(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	var died bool
	err := Until(ctx, "rhumb-controller to be ready", 50*time.Millisecond, func() (bool, string) {
		select {
		case e := <-c.ended:
			c.ended <- e
			died = true
			return true, ""
		default:
		}
		resp, err := http.Get(url)
		if err != nil {
			return false, err.Error()
		}
		_ = resp.Body.Close()
		return resp.StatusCode == http.StatusOK, resp.Status
	})
	if died {
		err = errors.New("it ended")
	}
	if err != nil {
		text, _ := os.ReadFile(c.log)
		return fmt.Errorf("starting rhumb-controller: %w\n%s", errors.Join(err, c.Stop()), tail(string(text), 20))
	}
	return nil
}

// PID is its process.
func (c *Controller) PID() int { return c.cmd.Process.Pid }

// Stop asks it to end, and makes it end after ten seconds.
func (c *Controller) Stop() error {
	_ = c.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-c.ended:
		c.ended <- err
		return nil
	case <-time.After(10 * time.Second):
		_ = c.cmd.Process.Kill()
		c.ended <- <-c.ended
		return errors.New("stopping rhumb-controller: it did not end when asked")
	}
}

// freePorts finds loopback addresses that nobody listens on now.
func freePorts(n int) ([]string, error) {
	var out []string
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("finding a free port: %w", err)
		}
		defer func() { _ = l.Close() }()
		out = append(out, l.Addr().String())
	}
	return out, nil
}
