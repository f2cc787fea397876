// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"rhumb.run/rhumb/api/carto/v1alpha1"
)

// gitRepository is what Flux calls them, in whichever version.
var gitRepository = schema.GroupKind{Group: "source.toolkit.fluxcd.io", Kind: "GitRepository"}

// GitRepositories are those of Flux that were stamped for owners. They come from memory: where nobody has stamped one since
// this process began, as on a replica that stands by, they are watched from now on.
func (c *Cluster) GitRepositories(ctx context.Context) ([]*unstructured.Unstructured, error) {
	kinds := c.Watches.versions(gitRepository.Group, "gitrepositories")
	if len(kinds) == 0 {
		m, err := c.Mapper.RESTMapping(gitRepository)
		if meta.IsNoMatchError(err) {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("finding kind %s: %w", gitRepository, err)
		}
		kinds = []kind{{m.Resource, v1alpha1.ResourceNameLabel}}
	}
	var out []*unstructured.Unstructured
	seen := map[types.UID]bool{}
	for _, k := range kinds {
		watch, err := c.Watches.of(ctx, k)
		if err != nil {
			return nil, err
		}
		for _, o := range watch.informer.GetStore().List() {
			// One object shows in each version that somebody stamps.
			if u, ok := o.(*unstructured.Unstructured); ok && !seen[u.GetUID()] {
				seen[u.GetUID()] = true
				out = append(out, u)
			}
		}
	}
	return out, nil
}

// versions are the watched kinds of steps that a resource has, in all its versions.
func (w *Watches) versions(group, resource string) []kind {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []kind
	for k := range w.kinds {
		if k.Group == group && k.Resource == resource && k.label == v1alpha1.ResourceNameLabel {
			out = append(out, k)
		}
	}
	return out
}

const (
	// requestedAt is the annotation by which Flux, and who follows its ways, is asked to look at once.
	requestedAt = "reconcile.fluxcd.io/requestedAt"
	// asker is the field manager of that annotation: what a step stamps does not speak of it, so that it stays.
	asker = Manager + "-push"
)

// LookAgain asks an object's controller to look at once. One that is gone, or that was made anew since, has no need of it.
func (w World) LookAgain(ctx context.Context, u *unstructured.Unstructured, now time.Time) error {
	gvr, err := w.resource(u.GroupVersionKind())
	if err != nil {
		return err
	}
	raw, err := json.Marshal(map[string]any{"metadata": map[string]any{
		"uid":         u.GetUID(),
		"annotations": map[string]string{requestedAt: now.UTC().Format(time.RFC3339Nano)},
	}})
	if err != nil {
		return fmt.Errorf("encoding patch: %w", err)
	}
	_, err = w.as.Resource(gvr).Namespace(u.GetNamespace()).Patch(ctx, u.GetName(), types.MergePatchType, raw, metav1.PatchOptions{FieldManager: asker})
	if errors.IsNotFound(err) || errors.IsConflict(err) {
		return nil
	}
	return denied(err)
}
