// SPDX-License-Identifier: Apache-2.0

package imageadmission

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"

	"rhumb.run/rhumb/internal/core/clone"
	"rhumb.run/rhumb/internal/core/image"
)

const (
	// patience is how long a registry has for its answer, while a pod waits.
	patience = 500 * time.Millisecond
	// believed is how long a copy that answered is taken to be there, and doubted how long one that did not is not asked for.
	believed = 2 * time.Minute
	doubted  = 10 * time.Second
	// maxSeen bounds what is remembered: it is forgotten as a whole, at the cost of a question each.
	maxSeen = 20_000
)

// seen remembers for a short while what registries answered, so that many pods of one image ask once.
type seen struct {
	looks Looks
	clock clock.PassiveClock
	calls singleflight.Group

	mu      sync.Mutex
	answers map[string]answer
	// down are registries at which nobody answered, and until when that is believed.
	down map[string]answer
}

type answer struct {
	until   time.Time
	failure *image.Failure
}

func newSeen(l Looks, c clock.PassiveClock) *seen {
	return &seen{looks: l, clock: c, answers: map[string]answer{}, down: map[string]answer{}}
}

// copy is why a copy cannot be used; nil if it answered by its digest a short while ago, or does so now.
func (s *seen) copy(ctx context.Context, c clone.Choice, digest string, verified *metav1.Time) *image.Failure {
	host := c.Copy.Host
	if c.Policy.Target.Push != "" {
		host = c.Policy.Target.Push
	}
	key := "copy " + c.Policy.Name + " " + clone.FullName(c.Copy) + " " + digest
	if verified != nil && s.clock.Since(verified.Time) < believed {
		return nil
	}
	return s.ask(ctx, key, host, func(ctx context.Context) error { return s.looks.Copy(ctx, c, digest) })
}

// origin is why an image cannot be had from its own registry; nil if it can.
func (s *seen) origin(ctx context.Context, c clone.Choice) *image.Failure {
	key := "origin " + c.Policy.Name + " " + clone.FullName(c.Origin)
	return s.ask(ctx, key, c.Origin.Host, func(ctx context.Context) error { return s.looks.Origin(ctx, c) })
}

// ask asks once for all who want to know. Whoever asked first may give up, and the answer still comes.
func (s *seen) ask(ctx context.Context, key, host string, look func(context.Context) error) *image.Failure {
	if a, ok := s.remembered(key, host); ok {
		return a.failure
	}
	call := s.calls.DoChan(key, func() (any, error) {
		within, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		defer cancel()
		failure := failureOf(look(within))
		s.remember(key, host, failure)
		return failure, nil
	})
	select {
	case r := <-call:
		return r.Val.(*image.Failure)
	case <-ctx.Done():
		return failureOf(ctx.Err())
	}
}

func (s *seen) remembered(key, host string) (answer, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock.Now()
	for _, a := range []answer{s.answers[key], s.down[host]} {
		if now.Before(a.until) {
			return a, true
		}
	}
	return answer{}, false
}

func (s *seen) remember(key, host string, f *image.Failure) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.answers) >= maxSeen {
		clear(s.answers)
	}
	now := s.clock.Now()
	if f == nil {
		s.answers[key] = answer{until: now.Add(believed)}
		delete(s.down, host)
		return
	}
	a := answer{now.Add(doubted), f}
	s.answers[key] = a
	if f.Reason == image.ReasonUnreachable {
		s.down[host] = a
	}
}

// failureOf is the failure of an error, whatever that is.
func failureOf(err error) *image.Failure {
	if err == nil {
		return nil
	}
	if f, ok := errors.AsType[*image.Failure](err); ok {
		return f
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return &image.Failure{Reason: image.ReasonUnreachable, Detail: "the registry did not answer in " + patience.String()}
	}
	return &image.Failure{Reason: image.ReasonRemote, Detail: image.Bound(err.Error(), 512)}
}
