// SPDX-License-Identifier: Apache-2.0

package owner

import (
	"context"
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"rhumb.run/rhumb/internal/loop"
)

// Options are what the controller of one kind of owner is made of.
type Options struct {
	Kind Kind
	As   As
	// Concurrency is how many owners are acted for at once.
	Concurrency int
	// Look finds what is below an object that is not well; without it causes say less.
	Look loop.Look
}

// Added is a controller that is part of a manager.
type Added struct{ r *Reconciler }

// Stamped is to be told of every stamped object that changes, by its owner's kind and name.
func (a Added) Stamped(kind string, owner types.NamespacedName) { a.r.wakeStamped(kind, owner) }

// Add puts the controller into a manager.
func Add(mgr manager.Manager, o Options) (Added, error) {
	events, err := loop.NewEvents(mgr, o.Kind.Kind)
	if err != nil {
		return Added{}, err
	}
	r := &Reconciler{
		kind:       o.Kind,
		client:     mgr.GetClient(),
		as:         o.As,
		blueprints: newBlueprints(o.Kind, mgr.GetClient()),
		statuses:   loop.NewStatuses[written](),
		events:     events,
		needs:      loop.NewNeeds(),
		queue:      loop.NewQueue(),
		loop:       loop.New(),
		now:        time.Now,
	}
	r.inquiry = loop.NewInquiry(o.Look, func(key reconcile.Request) { r.queue.Wake(loop.Moved, 0, key) }, r.queue.Busy)
	if err := mgr.Add(r.inquiry); err != nil {
		return Added{}, fmt.Errorf("starting the inquiry: %w", err)
	}
	c, err := controller.New(strings.ToLower(o.Kind.Kind), mgr, controller.Options{
		Reconciler:              r,
		MaxConcurrentReconciles: o.Concurrency,
		RateLimiter:             loop.Limiter(),
	})
	if err != nil {
		return Added{}, fmt.Errorf("making the %s controller: %w", o.Kind.Noun, err)
	}
	informers := loop.InformersOf(mgr)
	err = c.Watch(source.Func(func(ctx context.Context, work workqueue.TypedRateLimitingInterface[reconcile.Request]) error {
		return r.start(ctx, informers, work)
	}))
	if err != nil {
		return Added{}, fmt.Errorf("starting the %s controller's watches: %w", o.Kind.Noun, err)
	}
	return Added{r}, nil
}
