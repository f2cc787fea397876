// SPDX-License-Identifier: Apache-2.0

package memory

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/runnable"
)

var _ runnable.World = (*World)(nil)

// Select finds objects of a kind by their labels: in the namespace, or those
// that have none. A fault of the call "watch <resource>/" is why changes of them are not noticed.
func (w *World) Select(_ context.Context, what v1alpha1.ResourceSelector, namespace string) (found []*unstructured.Unstructured, unwatched, err error) {
	gvk := schema.FromAPIVersionAndKind(what.Resource.APIVersion, what.Resource.Kind)
	_, unwatched = call(w, Call{Verb: Watch, Resource: resourceOf(gvk)}, func() (any, error) { return nil, nil })
	found, err = call(w, Call{Verb: Select, Resource: resourceOf(gvk)}, func() ([]*unstructured.Unstructured, error) {
		var out []*unstructured.Unstructured
		for _, u := range w.Objects() {
			if u.GroupVersionKind() == gvk && (u.GetNamespace() == namespace || u.GetNamespace() == "") && subset(what.MatchingLabels, u.GetLabels()) {
				out = append(out, u)
			}
		}
		return out, nil
	})
	if err != nil {
		err = fmt.Errorf("unable to list from api server: %w", err)
	}
	return found, unwatched, err
}

// Cancel merges a patch into a run; one that is gone needs none.
func (w *World) Cancel(_ context.Context, run *unstructured.Unstructured, patch map[string]any) error {
	_, err := call(w, callOf(Patch, run), func() (any, error) {
		there := w.objects[keyOf(run)]
		if there == nil || there.object.GetUID() != run.GetUID() {
			return nil, nil
		}
		before := there.object.DeepCopy()
		there.object.Object = mergeMap(there.object.Object, nil, patch)
		bump(before, there.object)
		w.Writes = append(w.Writes, Write{Patch, resourceOf(run.GroupVersionKind()), run.GetName()})
		return nil, nil
	})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("%s: %w", Patch, err)
	}
	return nil
}
