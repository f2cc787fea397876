// SPDX-License-Identifier: Apache-2.0

package runnable

import (
	"context"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"rhumb.run/rhumb/internal/core/template"
	"rhumb.run/rhumb/internal/loop"
)

// start watches all that may move a runnable; it is the controller's one source.
func (r *Reconciler) start(ctx context.Context, informers loop.Informers, work workqueue.TypedRateLimitingInterface[reconcile.Request]) error {
	if err := r.queue.Start(ctx, work); err != nil {
		return err
	}
	wakes := loop.Wakes{Queue: r.queue, Needs: r.needs, Loop: r.loop}
	watched := wakes.Rights()
	for kind, empty := range template.NewRun {
		watched = append(watched, loop.Watched{Object: empty(), Handler: wakes.OnNeeded(func(o client.Object) loop.Need {
			return loop.Need{Kind: kind, Namespace: o.GetNamespace(), Name: o.GetName()}
		})})
	}
	if err := loop.WatchAll(ctx, informers, watched...); err != nil {
		return err
	}
	// Runnables last: by their first turn all else is known.
	return loop.WatchAll(ctx, informers, loop.Watched{Object: r.kind.New(), Handler: wakes.OnSelf(r.statuses.Shown)})
}

// Wakers are to be told what happens in the cluster.
type Wakers struct {
	// Stamped is for each run that changes, by its owner's kind and name.
	Stamped func(kind string, owner types.NamespacedName)
	// Selected is for each object that changes of a kind that a selector names; labels
	// are those that it has, and again those that it had.
	Selected func(kind schema.GroupVersionKind, namespace string, labels map[string]string)
}

func (r *Reconciler) wakers() Wakers {
	return Wakers{
		Stamped: func(kind string, owner types.NamespacedName) {
			if kind == r.kind.Kind {
				r.queue.Wake(loop.Moved, 0, reconcile.Request{NamespacedName: owner})
			}
		},
		Selected: func(kind schema.GroupVersionKind, namespace string, labels map[string]string) {
			r.queue.Wake(loop.Moved, 0, r.selects.selectors(kind, namespace, labels)...)
		},
	}
}
