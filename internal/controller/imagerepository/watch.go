// SPDX-License-Identifier: Apache-2.0

package imagerepository

import (
	"context"
	"sync"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"rhumb.run/rhumb/api/source/v1alpha1"
)

// waker brings what polls saw to the controller's queue.
type waker struct {
	mu sync.Mutex
	q  workqueue.TypedRateLimitingInterface[reconcile.Request]
}

func (w *waker) start(_ context.Context, q workqueue.TypedRateLimitingInterface[reconcile.Request]) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.q = q
	return nil
}

func (w *waker) wake(key types.NamespacedName) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.q != nil {
		w.q.Add(reconcile.Request{NamespacedName: key})
	}
}

// usersOf are the objects that take credentials from a service account.
func (r *Reconciler) usersOf(ctx context.Context, account client.Object) []reconcile.Request {
	var list v1alpha1.ImageRepositoryList
	err := r.client.List(ctx, &list, client.InNamespace(account.GetNamespace()), client.MatchingFields{byAccount: account.GetName()},
		client.UnsafeDisableDeepCopy)
	if err != nil {
		return nil
	}
	out := make([]reconcile.Request, 0, len(list.Items))
	for i := range list.Items {
		out = append(out, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&list.Items[i])})
	}
	return out
}
