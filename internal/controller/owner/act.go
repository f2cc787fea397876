// SPDX-License-Identifier: Apache-2.0

package owner

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/blueprint"
	"rhumb.run/rhumb/internal/core/owner"
	"rhumb.run/rhumb/internal/core/plan"
	"rhumb.run/rhumb/internal/core/realize"
	"rhumb.run/rhumb/internal/core/report"
	"rhumb.run/rhumb/internal/core/sweep"
	"rhumb.run/rhumb/internal/loop"
)

// As gives the world as a service account may see and change it, in an owner's
// namespace and on behalf of a blueprint. An account that is not there or not
// granted is an error that a change of it mends.
type As func(ctx context.Context, account types.NamespacedName, namespace, blueprint string) (sweep.World, error)

// Reconciler acts for the owners of one kind.
type Reconciler struct {
	kind       Kind
	client     client.Client
	as         As
	blueprints *blueprints
	statuses   *loop.Statuses[written]
	events     loop.Events
	needs      *loop.Needs
	queue      *loop.Queue
	loop       *loop.Loop
	inquiry    *loop.Inquiry
	now        func() time.Time
}

// Reconcile makes one owner's reality true to its blueprint.
func (r *Reconciler) Reconcile(ctx context.Context, key reconcile.Request) (reconcile.Result, error) {
	r.queue.Taken(key)
	object := r.kind.New()
	err := r.client.Get(ctx, key.NamespacedName, object, client.UnsafeDisableDeepCopy)
	if apierrors.IsNotFound(err) || err == nil && object.GetDeletionTimestamp() != nil {
		r.forget(key)
		return reconcile.Result{}, nil
	}
	if err != nil {
		return reconcile.Result{}, fmt.Errorf("reading %s: %w", r.kind.Noun, err)
	}
	o := r.kind.View(object)
	if newer, ok := r.statuses.Newer(object); ok {
		o.Status, o.Blueprint = newer.status, newer.blueprint
	}
	did := r.act(ctx, key, &o)
	r.inquiry.Consider(key, report.Evidence(&o, did.facts, did.status), did.status.Cause)
	wait, writeErr := r.save(ctx, object, &o, did)
	result, err := r.loop.Settle(key, errors.Join(did.err(), writeErr))
	if err == nil && wait > 0 && (result.RequeueAfter == 0 || wait < result.RequeueAfter) {
		result.RequeueAfter = wait
	}
	return result, err
}

// outcome is what an act came to.
type outcome struct {
	blueprint string
	facts     report.Facts
	status    v1alpha1.OwnerStatus
	removed   []report.Event
	pruneErr  error
}

func (d *outcome) err() error {
	errs := []error{d.facts.BlueprintErr, d.facts.IdentityErr, d.pruneErr}
	for i := range d.facts.Realized {
		errs = append(errs, d.facts.Realized[i].Err)
	}
	return errors.Join(errs...)
}

// act goes as far as it can and says how far it came.
func (r *Reconciler) act(ctx context.Context, key reconcile.Request, o *owner.Owner) outcome {
	d := outcome{blueprint: o.Blueprint}
	b, err := r.choose(ctx, o)
	if b != nil {
		d.blueprint, d.facts.Blueprint = b.Name, b.Name
	}
	if err != nil {
		r.needs.Set(key, nil)
		d.facts.BlueprintErr = err
		d.status = report.Status(o, d.facts, r.now())
		return d
	}
	account := blueprint.Account(o, b)
	d.facts.Account = account
	p := plan.Resolve(b, o)
	r.needs.Set(key, needsOf(&p, account))
	world, err := r.as(ctx, account, o.Namespace, b.Name)
	if err != nil {
		d.facts.IdentityErr = err
		d.status = report.Status(o, d.facts, r.now())
		return d
	}
	d.facts.Looked = r.inquiry.Found(key)
	d.facts.Walked, d.facts.Realized = true, realize.Walk(ctx, world, p)
	d.status = report.Status(o, d.facts, r.now())
	d.removed, d.pruneErr = sweep.Sweep(ctx, world, o, &d.status, d.facts.Realized)
	return d
}

func (r *Reconciler) choose(ctx context.Context, o *owner.Owner) (*blueprint.Blueprint, error) {
	all, err := r.blueprints.all(ctx)
	if err != nil {
		return nil, err
	}
	return blueprint.Choose(o, all)
}

func (r *Reconciler) forget(key reconcile.Request) {
	r.needs.Set(key, nil)
	r.loop.Forget(key)
	r.inquiry.Forget(key)
	r.statuses.Forget(key.NamespacedName)
}
