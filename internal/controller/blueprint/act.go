// SPDX-License-Identifier: Apache-2.0

package blueprint

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/blueprint"
	"rhumb.run/rhumb/internal/core/report"
	"rhumb.run/rhumb/internal/core/template"
)

// Reconciler checks the blueprints of one kind.
type Reconciler struct {
	kind   Kind
	client client.Client
	now    func() time.Time
}

// Reconcile writes the status of one blueprint, if it changed.
func (r *Reconciler) Reconcile(ctx context.Context, key reconcile.Request) (reconcile.Result, error) {
	object := blueprint.New[r.kind.Kind]()
	if err := r.client.Get(ctx, key.NamespacedName, object, client.UnsafeDisableDeepCopy); err != nil {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	missing, err := r.missing(ctx, blueprint.Of(object))
	if err != nil {
		return reconcile.Result{}, err
	}
	before := *blueprint.Status(object)
	after := report.Blueprint(before, object.GetGeneration(), missing, r.now())
	if equality.Semantic.DeepEqual(before, after) {
		return reconcile.Result{}, nil
	}
	return reconcile.Result{}, r.save(ctx, object, after)
}

// missing names the resource of each template that is not there.
func (r *Reconciler) missing(ctx context.Context, b *blueprint.Blueprint) ([]string, error) {
	var out []string
	for i := range b.Resources {
		for _, ref := range b.Resources[i].Templates() {
			there, err := r.exists(ctx, ref)
			if err != nil {
				return nil, err
			}
			if !there {
				out = append(out, b.Resources[i].Name)
			}
		}
	}
	return out, nil
}

func (r *Reconciler) exists(ctx context.Context, ref template.Ref) (bool, error) {
	empty, known := template.New[ref.Kind]
	if !known {
		return false, nil
	}
	err := r.client.Get(ctx, types.NamespacedName{Name: ref.Name}, empty(), client.UnsafeDisableDeepCopy)
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("reading %s [%s]: %w", ref.Kind, ref.Name, err)
	}
	return true, nil
}

func (r *Reconciler) save(ctx context.Context, object blueprint.Object, status v1alpha1.BlueprintStatus) error {
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"uid": object.GetUID()}, "status": status})
	if err != nil {
		return fmt.Errorf("encoding status: %w", err)
	}
	answer := blueprint.New[r.kind.Kind]()
	answer.SetName(object.GetName())
	err = r.client.Status().Patch(ctx, answer, client.RawPatch(types.MergePatchType, patch))
	if err = client.IgnoreNotFound(err); err != nil {
		return fmt.Errorf("writing status: %w", err)
	}
	return nil
}
