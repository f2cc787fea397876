// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/cluster"
	"rhumb.run/rhumb/internal/core/view"
)

// done says what to type next, waits if that was asked for, and prints the
// workload as it is then.
func (s *submission) done(ctx context.Context, w *v1alpha1.Workload) error {
	if !s.quiet {
		sayf(s.out(), "\nTo see logs:   %s\nTo get status: %s\n\n", s.logsHint(s.cluster, w.Name), s.next(s.cluster, "get", w.Name))
	}
	if !s.wait && !s.tail && !s.tailTimestamp {
		return s.answer(w)
	}
	last, err := s.settle(ctx, w)
	if last != nil {
		if printing := s.answer(last); printing != nil {
			return printing
		}
	}
	return err
}

// settle waits until the workload is ready. Why it is not is told at the end,
// with the cause.
func (s *submission) settle(ctx context.Context, w *v1alpha1.Workload) (*v1alpha1.Workload, error) {
	sayf(s.out(), "Waiting for workload %q to become ready...\n", w.Name)
	inTime, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	tailed := make(chan error, 1)
	if s.tail || s.tailTimestamp {
		logs := &tailFlags{sight: s.sight, timestamps: s.tailTimestamp, options: cluster.TailOptions{Since: time.Minute}}
		go func() { tailed <- logs.run(inTime, &streams{s.io.in, s.out(), s.io.err}, s.cluster, w.Name) }()
	} else {
		tailed <- nil
	}
	last, verdict, err := s.cluster.Settled(inTime, w, s.delay)
	late := errors.Is(inTime.Err(), context.DeadlineExceeded)
	cancel()
	if trouble := <-tailed; trouble != nil {
		sayf(s.io.err, "the logs could not be followed: %v\n", trouble)
	}
	switch {
	case err != nil && !late:
		return last, err
	case last == nil:
		return nil, fmt.Errorf("workload %q was deleted", w.Name)
	case verdict == view.IsReady:
		sayf(s.out(), "Workload %q is ready\n", w.Name)
		return last, nil
	case ctx.Err() != nil:
		return last, errors.New("interrupted")
	case late:
		return last, notReady{fmt.Errorf("timeout after %s waiting for %q to become ready: %s\nTo view status run: %s",
			s.timeout, w.Name, view.Why(last), s.next(s.cluster, "get", w.Name))}
	default:
		return last, notReady{fmt.Errorf("workload %q is not ready: %s\nTo view status run: %s", w.Name, view.Why(last), s.next(s.cluster, "get", w.Name))}
	}
}
