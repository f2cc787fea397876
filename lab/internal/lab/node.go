// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"

	"rhumb.run/rhumb/lab/internal/box"
	"rhumb.run/rhumb/lab/internal/cgroup"
	"rhumb.run/rhumb/lab/internal/forward"
	"rhumb.run/rhumb/lab/internal/layout"
	"rhumb.run/rhumb/lab/internal/render"
)

// ports are what a lab with a node shows of itself on the machine: first the
// API server, then the registry, the git server and the ingress controller,
// then what the user asked for.
func ports(s layout.Settings) []layout.Forward {
	loopback := func(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
	own := []layout.Forward{
		{Listen: loopback(s.APIPort), Target: net.JoinHostPort(layout.NodeIP, strconv.Itoa(layout.APIPort))},
		{Listen: loopback(s.RegistryPort), Target: loopback(s.RegistryPort)},
	}
	if s.GitPort > 0 {
		own = append(own, layout.Forward{Listen: loopback(s.GitPort), Target: loopback(s.GitPort)})
	}
	if s.IngressPort > 0 {
		own = append(own, layout.Forward{Listen: loopback(s.IngressPort), Target: net.JoinHostPort(layout.NodeIP, strconv.Itoa(layout.IngressPort))})
	}
	return append(own, s.Forwards...)
}

// superviseNode is the machine's side of a lab with a node: open ports, a
// control group, and a box whose process 1 starts everything else.
func superviseNode(ctx context.Context, l layout.Layout, s layout.Settings, emit Emit) (err error) {
	listeners, err := openPorts(s)
	if err != nil {
		return err
	}
	forwarding, closePorts := context.WithCancel(context.WithoutCancel(ctx))
	defer closePorts()
	for i, listener := range listeners {
		go forward.Outside(forwarding, listener, l.Forward(i))
	}
	groups, err := cgroup.Mounted()
	if err != nil {
		return err
	}
	if err := cgroup.Make(groups, render.CgroupRoot(s)); err != nil {
		return errors.Join(err, sweepNode(s))
	}
	defer func() { err = errors.Join(err, sweepNode(s)) }()
	log, err := os.OpenFile(l.Log("box"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("opening the box's log: %w", err)
	}
	defer log.Close()
	return runBox(ctx, l, log, emit)
}

// runBox starts the box, passes on what it says, and ends it with ctx.
func runBox(ctx context.Context, l layout.Layout, log *os.File, emit Emit) error {
	r, w, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("making a pipe: %w", err)
	}
	defer r.Close()
	b, err := box.Start(l.Root, w, log)
	if err := errors.Join(err, w.Close()); err != nil {
		return err
	}
	if err := os.WriteFile(l.Run("box.pid"), []byte(strconv.Itoa(b.PID)+"\n"), 0o600); err != nil {
		return errors.Join(fmt.Errorf("writing the box's pid: %w", err), b.Kill())
	}
	stop := context.AfterFunc(ctx, func() { endBox(b) })
	defer stop()
	err = verdict(r, emit, func() error {
		return fmt.Errorf("the box ended without a word; its last lines in %s:\n%s", log.Name(), tail(log.Name(), 8))
	})
	if err != nil {
		endBox(b)
		return err
	}
	<-b.Done
	if ctx.Err() == nil {
		return fmt.Errorf("the box ended unasked: %w; its last lines in %s:\n%s", b.Err, log.Name(), tail(log.Name(), 8))
	}
	return nil
}

// endBox asks first, and waits until nothing is left in the box.
func endBox(b *box.Box) {
	_ = b.Stop()
	hard := time.AfterFunc(40*time.Second, func() { _ = b.Kill() })
	defer hard.Stop()
	<-b.Done
}

func openPorts(s layout.Settings) ([]net.Listener, error) {
	var all []net.Listener
	for _, f := range ports(s) {
		l, err := net.Listen("tcp", f.Listen)
		if err != nil {
			for _, open := range all {
				_ = open.Close()
			}
			return nil, fmt.Errorf("opening %s: %w", f.Listen, err)
		}
		all = append(all, l)
	}
	return all, nil
}

// sweepNode removes a node's control groups.
func sweepNode(s layout.Settings) error {
	groups, err := cgroup.Mounted()
	if err != nil {
		return err
	}
	return cgroup.Remove(groups, render.CgroupRoot(s), 10*time.Second)
}
