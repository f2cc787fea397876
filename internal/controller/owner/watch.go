// SPDX-License-Identifier: Apache-2.0

package owner

import (
	"context"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"rhumb.run/rhumb/internal/core/blueprint"
	"rhumb.run/rhumb/internal/core/template"
	"rhumb.run/rhumb/internal/loop"
)

// start watches all that may move an owner; it is the controller's one source.
func (r *Reconciler) start(ctx context.Context, informers loop.Informers, work workqueue.TypedRateLimitingInterface[reconcile.Request]) error {
	if err := r.queue.Start(ctx, work); err != nil {
		return err
	}
	wakes := loop.Wakes{Queue: r.queue, Needs: r.needs, Loop: r.loop}
	watched := append(wakes.Rights(), loop.Watched{Object: r.kind.NewBlueprint(), Handler: r.onBlueprint(ctx)})
	for kind, empty := range template.New {
		watched = append(watched, loop.Watched{Object: empty(), Handler: wakes.OnNeeded(func(o client.Object) loop.Need {
			return needTemplate(template.Ref{Kind: kind, Name: o.GetName()})
		})})
	}
	if err := loop.WatchAll(ctx, informers, watched...); err != nil {
		return err
	}
	// Owners last: by their first turn all else is known.
	return loop.WatchAll(ctx, informers, loop.Watched{Object: r.kind.New(), Handler: wakes.OnSelf(r.statuses.Shown)})
}

// onBlueprint wakes the owners whom the blueprint, as it was or as it is, is meant for.
func (r *Reconciler) onBlueprint(ctx context.Context) cache.ResourceEventHandler {
	return loop.Handler{
		Add: func(o client.Object, initial bool) {
			if !initial {
				r.wakeFollowers(ctx, r.kind.Compile(o))
			}
		},
		Update: func(before, after client.Object) {
			was, is := r.kind.Compile(before), r.kind.Compile(after)
			if before.GetGeneration() != after.GetGeneration() || !equality.Semantic.DeepEqual(was.Ready, is.Ready) {
				r.wakeFollowers(ctx, was, is)
			}
		},
		Remove: func(o client.Object) { r.wakeFollowers(ctx, r.kind.Compile(o)) },
	}
}

func (r *Reconciler) wakeFollowers(ctx context.Context, of ...*blueprint.Blueprint) {
	list := r.kind.NewList()
	if err := r.client.List(ctx, list, client.UnsafeDisableDeepCopy); err != nil {
		return // only when the cache is ending
	}
	_ = meta.EachListItem(list, func(item runtime.Object) error {
		object := item.(client.Object)
		o := r.kind.View(object)
		for _, b := range of {
			// A selector that cannot be read is news for all whom it might concern.
			if ok, err := b.Matches(o.Labels, o.Object); ok || err != nil {
				r.queue.Wake(loop.Fanout, 0, loop.RequestFor(object))
				break
			}
		}
		return nil
	})
}

// wakeStamped wakes the owner of a stamped object that changed.
func (r *Reconciler) wakeStamped(kind string, name types.NamespacedName) {
	if kind == r.kind.Kind {
		r.queue.Wake(loop.Moved, 0, reconcile.Request{NamespacedName: name})
	}
}
