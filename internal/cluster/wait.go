// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"time"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/view"
)

// Gone waits until a workload is not there any more, or the context ends.
func (c *Cluster) Gone(ctx context.Context, name string) (bool, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	gone := make(chan struct{}, 1)
	failed := make(chan error, 1)
	go func() {
		failed <- c.Watch(ctx, name, func(w Watched) {
			if w.Gone {
				select {
				case gone <- struct{}{}:
				default:
				}
			}
		})
	}()
	// It may have gone before the watch began.
	if w, err := c.Workload(ctx, name); err != nil || w == nil {
		return err == nil, err
	}
	select {
	case <-gone:
		return true, nil
	case err := <-failed:
		return false, err
	}
}

// Settled waits until a workload is ready, was failing for longer than patience,
// is gone, or the context ends. It returns the last state that was seen; only
// what is said of the spec that was written, or a later one, counts, and a
// failure that mends itself in time is none.
func (c *Cluster) Settled(ctx context.Context, written *v1alpha1.Workload, patience time.Duration) (last *v1alpha1.Workload, verdict view.Verdict, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	news := make(chan Watched)
	failed := make(chan error, 1)
	go func() {
		failed <- c.Watch(ctx, written.Name, func(w Watched) {
			select {
			case news <- w:
			case <-ctx.Done():
			}
		})
	}()
	return settle(news, failed, written, func() <-chan time.Time { return time.After(patience) })
}

// settle decides; later is how long a failure may last.
func settle(news <-chan Watched, failed <-chan error, written *v1alpha1.Workload, later func() <-chan time.Time) (last *v1alpha1.Workload, verdict view.Verdict, err error) {
	var enough <-chan time.Time
	last = written
	for {
		select {
		case w := <-news:
			if w.Workload.UID != written.UID || w.Workload.Generation < written.Generation {
				continue // a cache on the way may be behind what was written
			}
			if last = w.Workload; w.Gone {
				return nil, view.Failing, nil
			}
			switch verdict = view.Judge(last); {
			case verdict == view.IsReady:
				return last, verdict, nil
			case verdict == view.Waiting:
				enough = nil
			case enough == nil:
				enough = later()
			}
		case <-enough:
			return last, view.Failing, nil
		case err := <-failed:
			return last, verdict, err
		}
	}
}
