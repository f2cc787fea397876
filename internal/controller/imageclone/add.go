// SPDX-License-Identifier: Apache-2.0

package imageclone

import (
	"context"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"rhumb.run/rhumb/internal/core/clone"
	"rhumb.run/rhumb/internal/loop"
)

// Options are what the controller is made of.
type Options struct {
	Engine Engine
	// Order completes a copy with logins and what else an engine needs.
	Order Order
	// Env is the policy of the environment; nil if there is none.
	Env *clone.Policy
	// Kinds are those that are watched.
	Kinds []string
	// Concurrency is how many objects are acted for at once; 4 if zero.
	Concurrency int
}

// Cloner is the running controller.
type Cloner struct{ r *Reconciler }

// Add puts the controller into a manager.
func Add(mgr manager.Manager, o Options) (*Cloner, error) {
	if o.Engine == nil || o.Order == nil {
		return nil, errors.New("making the image cloner: a part is missing")
	}
	r := &Reconciler{
		client: mgr.GetClient(), live: mgr.GetAPIReader(), rollouts: newRollouts(), contests: newContests(),
		diary: newDiary(mgr.GetLogger().WithName("controller").WithName("image-cloner")), written: newWritten(),
		events: mgr.GetEventRecorder("image-cloner"),
	}
	r.ledger = newLedger(o.Engine, o.Order, r.wake, mgr.GetLogger().WithName("image-copies"))
	if o.Env != nil {
		r.SetPolicies(clone.InOrder([]*clone.Policy{o.Env}))
	}
	if err := mgr.Add(r.ledger); err != nil {
		return nil, fmt.Errorf("making the image cloner: %w", err)
	}
	if o.Concurrency == 0 {
		o.Concurrency = 4
	}
	options := controller.TypedOptions[User]{
		Reconciler: reconcile.TypedFunc[User](r.Reconcile), MaxConcurrentReconciles: o.Concurrency, RateLimiter: loop.LimiterOf[User](),
	}
	c, err := controller.NewTyped("image-cloner", mgr, options)
	if err != nil {
		return nil, fmt.Errorf("making the image cloner: %w", err)
	}
	if err := c.Watch(source.TypedFunc[User](r.start)); err != nil {
		return nil, fmt.Errorf("making the image cloner: %w", err)
	}
	for _, kind := range o.Kinds {
		watch := source.TypedKind(mgr.GetCache(), made[kind](), enqueue(kind), predicate.ResourceVersionChangedPredicate{})
		if err := c.Watch(watch); err != nil {
			return nil, fmt.Errorf("watching %s: %w", kind, err)
		}
	}
	return &Cloner{r}, nil
}

// enqueue asks for a look at each object that is new or another.
func enqueue(kind string) handler.TypedEventHandler[client.Object, User] {
	return handler.TypedEnqueueRequestsFromMapFunc(func(_ context.Context, o client.Object) []User {
		return []User{{kind, types.NamespacedName{Namespace: o.GetNamespace(), Name: o.GetName()}}}
	})
}
