// SPDX-License-Identifier: Apache-2.0

package runnable

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/report"
	"rhumb.run/rhumb/internal/core/runnable"
	"rhumb.run/rhumb/internal/loop"
)

// As gives the world as a service account may see and change it. An account
// that is not there is an error that a change of it mends.
type As func(ctx context.Context, account types.NamespacedName) (runnable.World, error)

// Reconciler acts for the runnables of one kind.
type Reconciler struct {
	kind     Kind
	client   client.Client
	as       As
	statuses *loop.Statuses[v1alpha1.RunnableStatus]
	events   loop.Events
	needs    *loop.Needs
	selects  *selections
	queue    *loop.Queue
	loop     *loop.Loop
	inquiry  *loop.Inquiry
	now      func() time.Time
}

// Reconcile makes the run that one runnable wants.
func (r *Reconciler) Reconcile(ctx context.Context, key reconcile.Request) (reconcile.Result, error) {
	r.queue.Taken(key)
	object := r.kind.New()
	err := r.client.Get(ctx, key.NamespacedName, object, client.UnsafeDisableDeepCopy)
	if apierrors.IsNotFound(err) || err == nil && object.GetDeletionTimestamp() != nil {
		r.forget(key)
		return reconcile.Result{}, nil
	}
	if err != nil {
		return reconcile.Result{}, fmt.Errorf("reading %s: %w", strings.ToLower(r.kind.Kind), err)
	}
	run := runnable.Of(object)
	if newer, ok := r.statuses.Newer(object); ok {
		run.Status = newer
	}
	facts := r.act(ctx, key, &run)
	status := report.Runnable(&run, facts, r.now())
	r.inquiry.Consider(key, report.RunEvidence(&run, facts, status), status.Cause)
	wait, writeErr := r.save(ctx, object, &run, facts, status)
	result, err := r.loop.Settle(key, errors.Join(facts.Failure(), writeErr))
	if err == nil {
		result.RequeueAfter = soonest(result.RequeueAfter, wait, facts.After)
	}
	return result, err
}

// act goes as far as it can and says how far it came.
func (r *Reconciler) act(ctx context.Context, key reconcile.Request, run *runnable.Runnable) runnable.Facts {
	// Known before anything is asked for: what changes meanwhile is not missed.
	r.needs.Set(key, []loop.Need{
		loop.NeedAccount(run.Account()),
		{Kind: run.Template.Kind, Namespace: run.Template.Namespace, Name: run.Template.Name},
	})
	r.selects.set(key, run.Selector)
	world, err := r.as(ctx, run.Account())
	if err != nil {
		return runnable.Facts{IdentityErr: err}
	}
	f := runnable.Walk(ctx, world, run, r.now())
	f.Looked = r.inquiry.Found(key)[theRun]
	return f
}

// theRun is the name of the one step that there is.
const theRun = ""

func (r *Reconciler) forget(key reconcile.Request) {
	r.needs.Set(key, nil)
	r.selects.set(key, nil)
	r.loop.Forget(key)
	r.inquiry.Forget(key)
	r.statuses.Forget(key.NamespacedName)
}

// soonest is the least of the waits that are any; zero if none is.
func soonest(waits ...time.Duration) time.Duration {
	var least time.Duration
	for _, w := range waits {
		if w > 0 && (least == 0 || w < least) {
			least = w
		}
	}
	return least
}
