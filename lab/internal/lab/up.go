// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"syscall"

	"rhumb.run/rhumb/lab/internal/layout"
)

// Up starts a supervisor of its own session and waits until the lab is ready.
func Up(ctx context.Context, l layout.Layout, emit Emit) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding our own program: %w", err)
	}
	if err := os.MkdirAll(l.Logs(), 0o700); err != nil {
		return fmt.Errorf("making the data directory: %w", err)
	}
	log, err := os.OpenFile(l.Log("supervisor"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("opening the supervisor's log: %w", err)
	}
	defer log.Close()
	r, w, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("making a pipe: %w", err)
	}
	defer r.Close()
	cmd := exec.Command(self, "supervise", "--data-dir", l.Root)
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = log, log, []*os.File{w}
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := errors.Join(cmd.Start(), w.Close()); err != nil {
		return fmt.Errorf("starting the supervisor: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = cmd.Process.Signal(syscall.SIGTERM) })
	defer stop()
	return verdict(r, emit, func() error {
		return fmt.Errorf("the supervisor ended without a word: %w\n%s", cmd.Wait(), tail(l.Log("supervisor"), 8))
	})
}

// verdict relays events and turns the last one into an error.
func verdict(r io.Reader, emit Emit, silent func() error) error {
	last, ok := relay(r, emit)
	switch {
	case !ok:
		return silent()
	case last.Error != "":
		return errors.New(last.Error)
	}
	emit(last)
	return nil
}

// Settle makes the choices that settings leave open, with those of the last
// start where they still work, and refuses what can't be.
func Settle(l layout.Layout, s layout.Settings) (layout.Settings, error) {
	old, err := l.Load()
	switch {
	case errors.Is(err, os.ErrNotExist):
	case err != nil:
		return s, err
	case old.Node != s.Node:
		return s, fmt.Errorf("the lab in %s was made %s: start it so, name another --data-dir, or run 'rhumb-lab down --delete' first",
			l.Root, map[bool]string{true: "with a node", false: "with --no-node"}[old.Node])
	}
	if s.APIPort == 0 {
		s.APIPort, err = freePort(old.APIPort)
		if err != nil {
			return s, err
		}
	} else if err := portFree(s.APIPort, "--api-port"); err != nil {
		return s, err
	}
	for _, port := range []struct {
		number int
		flag   string
	}{{s.RegistryPort, "--registry-port"}, {s.GitPort, "--git-port"}, {s.IngressPort, "--ingress-port"}} {
		if port.number == 0 {
			continue
		}
		if err := portFree(port.number, port.flag); err != nil {
			return s, err
		}
	}
	return s, nil
}

// freePort is the preferred port if nobody listens there, else any.
func freePort(preferred int) (int, error) {
	for _, port := range []int{preferred, 0} {
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			continue
		}
		return l.Addr().(*net.TCPAddr).Port, l.Close()
	}
	return 0, errors.New("no port is free on 127.0.0.1")
}

// portFree says who should move when somebody listens on a port already.
func portFree(port int, flag string) error {
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return fmt.Errorf("port %d is in use on 127.0.0.1 (%w): end what listens there ('ss -ltnp sport = :%d' names it) or choose another with %s",
			port, err, port, flag)
	}
	return l.Close()
}
