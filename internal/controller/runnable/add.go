// SPDX-License-Identifier: Apache-2.0

package runnable

import (
	"context"
	"fmt"
	"strings"
	"time"

	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/loop"
)

// Options are what the controller of one kind of runnable is made of.
type Options struct {
	Kind Kind
	As   As
	// Concurrency is how many runnables are acted for at once.
	Concurrency int
	// Look finds what is below a run that is not well; without it causes say less.
	Look loop.Look
}

// Add puts the controller into a manager and gives what is to be told of changes.
func Add(mgr manager.Manager, o Options) (Wakers, error) {
	events, err := loop.NewEvents(mgr, o.Kind.Kind)
	if err != nil {
		return Wakers{}, err
	}
	r := &Reconciler{
		kind:     o.Kind,
		client:   mgr.GetClient(),
		as:       o.As,
		statuses: loop.NewStatuses[v1alpha1.RunnableStatus](),
		events:   events,
		needs:    loop.NewNeeds(),
		selects:  newSelections(),
		queue:    loop.NewQueue(),
		loop:     loop.New(),
		now:      time.Now,
	}
	r.inquiry = loop.NewInquiry(o.Look, func(key reconcile.Request) { r.queue.Wake(loop.Moved, 0, key) }, r.queue.Busy)
	if err := mgr.Add(r.inquiry); err != nil {
		return Wakers{}, fmt.Errorf("starting the inquiry: %w", err)
	}
	noun := strings.ToLower(o.Kind.Kind)
	c, err := controller.New(noun, mgr, controller.Options{
		Reconciler:              r,
		MaxConcurrentReconciles: o.Concurrency,
		RateLimiter:             loop.Limiter(),
	})
	if err != nil {
		return Wakers{}, fmt.Errorf("making the %s controller: %w", noun, err)
	}
	informers := loop.InformersOf(mgr)
	err = c.Watch(source.Func(func(ctx context.Context, work workqueue.TypedRateLimitingInterface[reconcile.Request]) error {
		return r.start(ctx, informers, work)
	}))
	if err != nil {
		return Wakers{}, fmt.Errorf("starting the %s controller's watches: %w", noun, err)
	}
	return r.wakers(), nil
}
