// SPDX-License-Identifier: Apache-2.0

package imageclone

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"rhumb.run/rhumb/api/rhumb/v1alpha1"
	"rhumb.run/rhumb/internal/core/clone"
	"rhumb.run/rhumb/internal/core/image"
	"rhumb.run/rhumb/internal/loop"
)

// Options are what the controller is made of.
type Options struct {
	Engine Engine
	Logins Logins
	// Env is the policy of the environment; nil if there is none.
	Env *clone.Policy
	// Policies says whether ImageClonePolicies count. Without them only what Env asks for is watched.
	Policies bool
	// Reach is told how the registries of all policies are reached, whenever that may have changed.
	Reach func(ctx context.Context, all clone.Policies) error
	// Namespace is our own, whose Secrets policies name.
	Namespace string
	// Concurrency is how many objects are acted for at once; 4 if zero.
	Concurrency int
	// SweepEvery is how often copies that nobody uses are looked for; a minute if zero.
	SweepEvery time.Duration
	// RefreshEvery, if set, is how often tags are looked at again, whatever policies say.
	RefreshEvery time.Duration
}

// Add puts the controller into a manager.
func Add(mgr manager.Manager, o Options) error {
	if o.Engine == nil || o.Logins == nil {
		return errors.New("making the image cloner: a part is missing")
	}
	r := newReconciler(mgr, o)
	if err := mgr.Add(r.ledger); err != nil {
		return fmt.Errorf("making the image cloner: %w", err)
	}
	if o.Policies {
		if err := addPolicies(mgr, o, r); err != nil {
			return fmt.Errorf("making the image cloner: %w", err)
		}
	}
	return watch(mgr, o, r)
}

func newReconciler(mgr manager.Manager, o Options) *Reconciler {
	log := mgr.GetLogger().WithName("controller").WithName("image-cloner")
	r := &Reconciler{
		client: mgr.GetClient(), live: mgr.GetAPIReader(), rollouts: newRollouts(), contests: newContests(),
		diary: newDiary(log), written: newWritten(), plans: newPlans(), events: mgr.GetEventRecorder("image-cloner"),
		told: func(string) {}, keys: &keys{Logins: o.Logins, objects: mgr.GetClient(), live: mgr.GetAPIReader()},
	}
	r.keys.see = r.see
	r.keys.wants = func(s state) []clone.Choice { return wantedBy(r.current(), s) }
	r.ledger = newLedger(o.Engine, r.keys.Order, r.wake, mgr.GetLogger().WithName("image-copies"))
	if o.Env != nil {
		r.SetPolicies(clone.InOrder([]*clone.Policy{o.Env}))
		r.kinds = o.Env.Match.Kinds
	}
	if o.Policies {
		r.kinds = Kinds()
	}
	return r
}

// addPolicies adds those who know of ImageClonePolicies and ClonedImages.
func addPolicies(mgr manager.Manager, o Options, r *Reconciler) error {
	log := mgr.GetLogger().WithName("controller").WithName("image-cloner")
	records := newRecords(mgr.GetClient(), r.ledger)
	records.failed = func(o *v1alpha1.ClonedImage, why string) {
		r.events.Eventf(o, nil, corev1.EventTypeWarning, o.Status.Reason, "Copy", "%s", image.Bound(why, maxNote))
	}
	records.fail = func(err error, key Key) {
		log.Error(err, "writing down a copy", "origin", key.Origin, "copy", key.Copy)
	}
	r.ledger.changed, r.ledger.recall = records.Changed, recallFrom(mgr.GetClient())
	p := &policies{
		client: mgr.GetClient(), r: r, env: o.Env, reach: o.Reach, live: mgr.GetAPIReader(), namespace: o.Namespace, every: o.RefreshEvery,
		lacking: map[string]*image.Failure{}, looked: map[string]bool{},
	}
	r.told, records.wrote = p.changed, p.changed
	if o.SweepEvery == 0 {
		o.SweepEvery = sweepEvery
	}
	swept := &sweep{
		r: r, live: mgr.GetAPIReader(), now: time.Now, every: o.SweepEvery, log: log, refused: map[string]*clone.Failure{}, worked: map[string]bool{}, told: p.changed,
	}
	p.swept = swept
	p.inject = &injector{
		client: mgr.GetClient(), live: mgr.GetAPIReader(), namespace: o.Namespace, needed: r.ledger.Namespaces, now: time.Now, idle: o.SweepEvery,
		placed: map[string]map[string]placed{},
	}
	secrets, err := newSecrets(mgr, o.Namespace, p.secretChanged, log)
	if err != nil {
		return err
	}
	err = builder.ControllerManagedBy(mgr).
		Named("image-clone-policy").
		For(&v1alpha1.ImageClonePolicy{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		WatchesRawSource(source.Func(p.start)).
		WithOptions(controller.Options{RateLimiter: loop.Limiter()}).
		Complete(p)
	return errors.Join(err, mgr.Add(records), mgr.Add(swept), mgr.Add(secrets))
}

// watch has the reconciler look at each object that is new or another.
func watch(mgr manager.Manager, o Options, r *Reconciler) error {
	if o.Concurrency == 0 {
		o.Concurrency = 4
	}
	c, err := controller.NewTyped("image-cloner", mgr, controller.TypedOptions[User]{
		Reconciler: reconcile.TypedFunc[User](r.Reconcile), MaxConcurrentReconciles: o.Concurrency, RateLimiter: loop.LimiterOf[User](),
	})
	if err != nil {
		return fmt.Errorf("making the image cloner: %w", err)
	}
	if err := c.Watch(source.TypedFunc[User](r.start)); err != nil {
		return fmt.Errorf("making the image cloner: %w", err)
	}
	for _, kind := range r.kinds {
		watch := source.TypedKind(mgr.GetCache(), made[kind](), enqueue(kind), predicate.ResourceVersionChangedPredicate{})
		if err := c.Watch(watch); err != nil {
			return fmt.Errorf("watching %s: %w", kind, err)
		}
	}
	return nil
}

// enqueue asks for a look at each object that is new or another.
func enqueue(kind string) handler.TypedEventHandler[client.Object, User] {
	return handler.TypedEnqueueRequestsFromMapFunc(func(_ context.Context, o client.Object) []User {
		return []User{{kind, types.NamespacedName{Namespace: o.GetNamespace(), Name: o.GetName()}}}
	})
}
