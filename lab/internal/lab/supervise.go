// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"errors"
	"fmt"
	"os"

	"rhumb.run/rhumb/lab/internal/layout"
)

// Supervise runs the lab of a data directory, as its settings say, until ctx
// ends. It reports each step, and once "ready".
func Supervise(ctx context.Context, l layout.Layout, emit Emit) (err error) {
	lock, err := Acquire(l)
	if err != nil {
		return err
	}
	s, err := l.Load()
	if err != nil {
		return errors.Join(err, lock.Release())
	}
	defer func() {
		err = errors.Join(err, lock.Release())
		if s.Ephemeral {
			err = errors.Join(err, os.RemoveAll(l.Root))
		}
	}()
	if err := prepare(l, s); err != nil {
		return err
	}
	if s.Node {
		return superviseNode(ctx, l, s, emit)
	}
	return supervisePlane(ctx, l, s, emit)
}

// supervisePlane runs a control plane as children of this process.
func supervisePlane(ctx context.Context, l layout.Layout, s layout.Settings, emit Emit) error {
	p, err := newPlane(l, s, emit)
	if err != nil {
		return err
	}
	defer p.group.StopAll()
	if err := p.serveControl(ctx); err != nil {
		return err
	}
	p.begin()
	err = p.serving(ctx)
	if err == nil {
		err = p.usable(ctx)
	}
	if err != nil {
		return fmt.Errorf("starting the control plane: %w", err)
	}
	emit(Event{Ready: true})
	<-ctx.Done()
	return nil
}
