// SPDX-License-Identifier: Apache-2.0

package owner

import (
	"context"
	"fmt"
	"maps"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"rhumb.run/rhumb/internal/core/blueprint"
	"rhumb.run/rhumb/internal/core/template"
)

// grantDelay is how long the API server's own view of roles may lag behind
// the role that it has just told us about.
const grantDelay = 300 * time.Millisecond

// Start watches all that may move an owner; it is the controller's one source.
func (r *Reconciler) start(ctx context.Context, informers Informers, work workqueue.TypedRateLimitingInterface[reconcile.Request]) error {
	if err := r.queue.start(ctx, work); err != nil {
		return err
	}
	watched := []struct {
		object  client.Object
		handler cache.ResourceEventHandler
	}{
		{r.kind.NewBlueprint(), r.onBlueprint(ctx)},
		{metadata(corev1.SchemeGroupVersion, "ServiceAccount"), r.onAccount(func(o client.Object) []reconcile.Request {
			return r.needs.usersOf(needAccount(client.ObjectKeyFromObject(o)))
		})},
		{metadata(rbacv1.SchemeGroupVersion, "Role"), r.onGrant()},
		{metadata(rbacv1.SchemeGroupVersion, "RoleBinding"), r.onGrant()},
		{metadata(rbacv1.SchemeGroupVersion, "ClusterRole"), r.onGrant()},
		{metadata(rbacv1.SchemeGroupVersion, "ClusterRoleBinding"), r.onGrant()},
	}
	for kind, empty := range template.New {
		watched = append(watched, struct {
			object  client.Object
			handler cache.ResourceEventHandler
		}{empty(), r.onTemplate(kind)})
	}
	var all errgroup.Group
	for _, w := range watched {
		all.Go(func() error { return watch(ctx, informers, w.object, w.handler) })
	}
	if err := all.Wait(); err != nil {
		return err
	}
	// Owners last: by their first turn all else is known.
	return watch(ctx, informers, r.kind.New(), r.onOwner())
}

// Informers hands out informers from the shared cache, synced.
type Informers interface {
	Handle(ctx context.Context, object client.Object, handler cache.ResourceEventHandler) error
}

func watch(ctx context.Context, informers Informers, object client.Object, handler cache.ResourceEventHandler) error {
	if err := informers.Handle(ctx, object, handler); err != nil {
		return fmt.Errorf("watching %T: %w", object, err)
	}
	return nil
}

func metadata(gv schema.GroupVersion, kind string) client.Object {
	o := &metav1.PartialObjectMetadata{}
	o.SetGroupVersionKind(gv.WithKind(kind))
	return o
}

// onOwner wakes an owner whose spec, labels or annotations changed; its status is ours.
func (r *Reconciler) onOwner() cache.ResourceEventHandler {
	return handler{
		add: func(o client.Object, initial bool) {
			why := changed
			if initial {
				why = resync
			}
			r.queue.wake(why, 0, requestFor(o))
		},
		update: func(before, after client.Object) {
			r.statuses.shown(after)
			if before.GetGeneration() != after.GetGeneration() || before.GetUID() != after.GetUID() ||
				!maps.Equal(before.GetLabels(), after.GetLabels()) || !maps.Equal(before.GetAnnotations(), after.GetAnnotations()) ||
				(before.GetDeletionTimestamp() == nil) != (after.GetDeletionTimestamp() == nil) {
				r.queue.wake(changed, 0, requestFor(after))
			}
		},
		remove: func(o client.Object) { r.queue.wake(moved, 0, requestFor(o)) },
	}
}

// onTemplate wakes those whose last walk used the template.
func (r *Reconciler) onTemplate(kind string) cache.ResourceEventHandler {
	return r.onChange(func(o client.Object) []reconcile.Request {
		return r.needs.usersOf(needTemplate(template.Ref{Kind: kind, Name: o.GetName()}))
	})
}

func (r *Reconciler) onChange(users func(client.Object) []reconcile.Request) cache.ResourceEventHandler {
	wake := func(o client.Object) { r.queue.wake(fanout, 0, users(o)...) }
	return handler{
		add: func(o client.Object, initial bool) {
			if !initial {
				wake(o)
			}
		},
		update: func(before, after client.Object) {
			if before.GetGeneration() != after.GetGeneration() || before.GetUID() != after.GetUID() {
				wake(after)
			}
		},
		remove: wake,
	}
}

// onAccount wakes those who act as an account that came, went or was granted.
func (r *Reconciler) onAccount(users func(client.Object) []reconcile.Request) cache.ResourceEventHandler {
	wake := func(o client.Object) { r.queue.wake(moved, 0, users(o)...) }
	return handler{
		add: func(o client.Object, initial bool) {
			if !initial {
				wake(o)
			}
		},
		update: func(before, after client.Object) {
			if !maps.Equal(before.GetAnnotations(), after.GetAnnotations()) {
				wake(after)
			}
		},
		remove: wake,
	}
}

// onGrant wakes those who were refused, where the role or binding may concern them.
func (r *Reconciler) onGrant() cache.ResourceEventHandler {
	wake := func(o client.Object) { r.queue.wake(moved, grantDelay, r.loop.Denied(o.GetNamespace())...) }
	return handler{
		add: func(o client.Object, initial bool) {
			if !initial {
				wake(o)
			}
		},
		update: func(_, after client.Object) { wake(after) },
		remove: func(client.Object) {},
	}
}

// onBlueprint wakes the owners whom the blueprint, as it was or as it is, is meant for.
func (r *Reconciler) onBlueprint(ctx context.Context) cache.ResourceEventHandler {
	return handler{
		add: func(o client.Object, initial bool) {
			if !initial {
				r.wakeFollowers(ctx, r.kind.Compile(o))
			}
		},
		update: func(before, after client.Object) {
			was, is := r.kind.Compile(before), r.kind.Compile(after)
			if before.GetGeneration() != after.GetGeneration() || !equality.Semantic.DeepEqual(was.Ready, is.Ready) {
				r.wakeFollowers(ctx, was, is)
			}
		},
		remove: func(o client.Object) { r.wakeFollowers(ctx, r.kind.Compile(o)) },
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
				r.queue.wake(fanout, 0, requestFor(object))
				break
			}
		}
		return nil
	})
}

// wakeStamped wakes the owner of a stamped object that changed.
func (r *Reconciler) wakeStamped(kind string, name types.NamespacedName) {
	if kind == r.kind.Kind {
		r.queue.wake(moved, 0, reconcile.Request{NamespacedName: name})
	}
}

func requestFor(o client.Object) reconcile.Request {
	return reconcile.Request{NamespacedName: client.ObjectKeyFromObject(o)}
}
