// SPDX-License-Identifier: Apache-2.0

package blueprint

import (
	"context"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/blueprint"
	"rhumb.run/rhumb/internal/core/template"
	"rhumb.run/rhumb/internal/loop"
)

// Add puts the controller into a manager.
func Add(mgr manager.Manager) error {
	r := &Reconciler{client: mgr.GetClient(), now: time.Now}
	b := builder.ControllerManagedBy(mgr).Named("clustersupplychain").
		For(&v1alpha1.ClusterSupplyChain{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		WithOptions(controller.Options{RateLimiter: loop.Limiter()})
	for kind, empty := range template.New {
		b = b.Watches(empty(), handler.EnqueueRequestsFromMapFunc(r.users(kind)), builder.WithPredicates(presence()))
	}
	if err := b.Complete(r); err != nil {
		return fmt.Errorf("making the supply chain controller: %w", err)
	}
	return nil
}

// presence is for those who only ask whether something is there.
func presence() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(event.UpdateEvent) bool { return false }}
}

// users are the chains that name a template.
func (r *Reconciler) users(kind string) handler.MapFunc {
	return func(ctx context.Context, object client.Object) []reconcile.Request {
		var chains v1alpha1.ClusterSupplyChainList
		if err := r.client.List(ctx, &chains, client.UnsafeDisableDeepCopy); err != nil {
			return nil // only when the cache is ending
		}
		var out []reconcile.Request
		for i := range chains.Items {
			if names(&chains.Items[i], template.Ref{Kind: kind, Name: object.GetName()}) {
				out = append(out, reconcile.Request{NamespacedName: types.NamespacedName{Name: chains.Items[i].Name}})
			}
		}
		return out
	}
}

func names(chain *v1alpha1.ClusterSupplyChain, ref template.Ref) bool {
	b := blueprint.OfSupplyChain(chain)
	return slices.ContainsFunc(b.Resources, func(r blueprint.Resource) bool {
		return slices.Contains(r.Templates(), ref)
	})
}
