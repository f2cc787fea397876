// SPDX-License-Identifier: Apache-2.0

package blueprint

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
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

// Kind is what differs between the kinds of blueprint.
type Kind struct {
	// Kind is the API's name of it.
	Kind    string
	NewList func() client.ObjectList
}

// SupplyChains are what Workloads follow.
func SupplyChains() Kind {
	return Kind{blueprint.SupplyChainKind, func() client.ObjectList { return &v1alpha1.ClusterSupplyChainList{} }}
}

// Deliveries are what Deliverables follow.
func Deliveries() Kind {
	return Kind{blueprint.DeliveryKind, func() client.ObjectList { return &v1alpha1.ClusterDeliveryList{} }}
}

// Add puts the controller of one kind into a manager.
func Add(mgr manager.Manager, kind Kind) error {
	r := &Reconciler{kind: kind, client: mgr.GetClient(), now: time.Now}
	b := builder.ControllerManagedBy(mgr).Named(strings.ToLower(kind.Kind)).
		For(blueprint.New[kind.Kind](), builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		WithOptions(controller.Options{RateLimiter: loop.Limiter()})
	for kind, empty := range template.New {
		b = b.Watches(empty(), handler.EnqueueRequestsFromMapFunc(r.users(kind)), builder.WithPredicates(presence()))
	}
	if err := b.Complete(r); err != nil {
		return fmt.Errorf("making the %s controller: %w", kind.Kind, err)
	}
	return nil
}

// presence is for those who only ask whether something is there.
func presence() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(event.UpdateEvent) bool { return false }}
}

// users are the blueprints that name a template.
func (r *Reconciler) users(kind string) handler.MapFunc {
	return func(ctx context.Context, object client.Object) []reconcile.Request {
		list := r.kind.NewList()
		if err := r.client.List(ctx, list, client.UnsafeDisableDeepCopy); err != nil {
			return nil // only when the cache is ending
		}
		var out []reconcile.Request
		_ = meta.EachListItem(list, func(item runtime.Object) error {
			b := blueprint.Of(item.(blueprint.Object))
			if names(b, template.Ref{Kind: kind, Name: object.GetName()}) {
				out = append(out, reconcile.Request{NamespacedName: types.NamespacedName{Name: b.Name}})
			}
			return nil
		})
		return out
	}
}

func names(b *blueprint.Blueprint, ref template.Ref) bool {
	return slices.ContainsFunc(b.Resources, func(r blueprint.Resource) bool {
		return slices.Contains(r.Templates(), ref)
	})
}
