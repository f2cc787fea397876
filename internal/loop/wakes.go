// SPDX-License-Identifier: Apache-2.0

package loop

import (
	"maps"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// grantDelay is how long the API server's own view of roles may lag behind
// the role that it has just told us about.
const grantDelay = 300 * time.Millisecond

// Wakes is who is woken by what, in one controller.
type Wakes struct {
	Queue *Queue
	Needs *Needs
	Loop  *Loop
}

// Rights are the kinds by which accounts come, go and are granted rights:
// those who act as an account, or were refused, are woken by them.
func (w Wakes) Rights() []Watched {
	return []Watched{
		{metadata(corev1.SchemeGroupVersion, "ServiceAccount"), w.OnAccount()},
		{metadata(rbacv1.SchemeGroupVersion, "Role"), w.OnGrant()},
		{metadata(rbacv1.SchemeGroupVersion, "RoleBinding"), w.OnGrant()},
		{metadata(rbacv1.SchemeGroupVersion, "ClusterRole"), w.OnGrant()},
		{metadata(rbacv1.SchemeGroupVersion, "ClusterRoleBinding"), w.OnGrant()},
	}
}

// OnNeeded wakes those who need an object whose spec changed, such as a template.
func (w Wakes) OnNeeded(need func(client.Object) Need) cache.ResourceEventHandler {
	wake := func(o client.Object) { w.Queue.Wake(Fanout, 0, w.Needs.UsersOf(need(o))...) }
	return Handler{
		Add: func(o client.Object, initial bool) {
			if !initial {
				wake(o)
			}
		},
		Update: func(before, after client.Object) {
			if before.GetGeneration() != after.GetGeneration() || before.GetUID() != after.GetUID() {
				wake(after)
			}
		},
		Remove: wake,
	}
}

// OnAccount wakes those who act as an account that came, went or was granted.
func (w Wakes) OnAccount() cache.ResourceEventHandler {
	wake := func(o client.Object) {
		w.Queue.Wake(Moved, 0, w.Needs.UsersOf(NeedAccount(client.ObjectKeyFromObject(o)))...)
	}
	return Handler{
		Add: func(o client.Object, initial bool) {
			if !initial {
				wake(o)
			}
		},
		Update: func(before, after client.Object) {
			if !maps.Equal(before.GetAnnotations(), after.GetAnnotations()) {
				wake(after)
			}
		},
		Remove: wake,
	}
}

// OnGrant wakes those who were refused, where the role or binding may concern them.
func (w Wakes) OnGrant() cache.ResourceEventHandler {
	wake := func(o client.Object) { w.Queue.Wake(Moved, grantDelay, w.Loop.Denied(o.GetNamespace())...) }
	return Handler{
		Add: func(o client.Object, initial bool) {
			if !initial {
				wake(o)
			}
		},
		Update: func(_, after client.Object) { wake(after) },
		Remove: func(client.Object) {},
	}
}

// OnSelf wakes those whose spec, labels or annotations changed; their status is
// our own, and shown is told of it.
func (w Wakes) OnSelf(shown func(client.Object)) cache.ResourceEventHandler {
	return Handler{
		Add: func(o client.Object, initial bool) {
			why := Changed
			if initial {
				why = Resync
			}
			w.Queue.Wake(why, 0, RequestFor(o))
		},
		Update: func(before, after client.Object) {
			shown(after)
			if before.GetGeneration() != after.GetGeneration() || before.GetUID() != after.GetUID() ||
				!maps.Equal(before.GetLabels(), after.GetLabels()) || !maps.Equal(before.GetAnnotations(), after.GetAnnotations()) ||
				(before.GetDeletionTimestamp() == nil) != (after.GetDeletionTimestamp() == nil) {
				w.Queue.Wake(Changed, 0, RequestFor(after))
			}
		},
		Remove: func(o client.Object) { w.Queue.Wake(Moved, 0, RequestFor(o)) },
	}
}

// RequestFor is the request that an object be looked at.
func RequestFor(o client.Object) reconcile.Request {
	return reconcile.Request{NamespacedName: client.ObjectKeyFromObject(o)}
}
