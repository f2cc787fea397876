// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"

	"k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/runnable"
	"rhumb.run/rhumb/internal/core/template"
)

var _ runnable.World = World{}

// Select asks the server, with the account's rights: what is selected is
// content that the account must be allowed to read. Its kind is followed from
// before the question on, so that no change of the answer is missed.
func (w World) Select(ctx context.Context, what v1alpha1.ResourceSelector, namespace string) (found []*unstructured.Unstructured, unwatched, err error) {
	gvk := schema.FromAPIVersionAndKind(what.Resource.APIVersion, what.Resource.Kind)
	m, err := w.Mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
	if err != nil {
		return nil, nil, fmt.Errorf("finding kind %s: %w", gvk, err)
	}
	unwatched = w.Follows.follow(ctx, m.Resource, gvk)
	if m.Scope.Name() != meta.RESTScopeNameNamespace {
		namespace = ""
	}
	wanted := labels.SelectorFromSet(what.MatchingLabels)
	// Two are as wrong as any other number of them.
	listed, err := w.as.Resource(m.Resource).Namespace(namespace).List(ctx, metav1.ListOptions{LabelSelector: wanted.String(), Limit: 2})
	if err != nil {
		return nil, unwatched, denied(fmt.Errorf("unable to list from api server: %w", err))
	}
	for i := range listed.Items {
		found = append(found, &listed.Items[i])
	}
	return found, unwatched, nil
}

// Cancel merges a patch into a run. One that is gone needs none.
func (w World) Cancel(ctx context.Context, run *unstructured.Unstructured, patch map[string]any) error {
	gvr, err := w.resource(run.GroupVersionKind())
	if err != nil {
		return err
	}
	body := maps.Clone(patch)
	metadata := map[string]any{"uid": string(run.GetUID())}
	if asked, ok := patch["metadata"].(map[string]any); ok {
		maps.Copy(metadata, asked)
	}
	body["metadata"] = metadata
	raw, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("encoding patch: %w", err)
	}
	after, err := w.as.Resource(gvr).Namespace(run.GetNamespace()).Patch(ctx, run.GetName(), types.MergePatchType, raw, metav1.PatchOptions{FieldManager: Manager})
	if errors.IsNotFound(err) || errors.IsConflict(err) {
		return nil // another took its name meanwhile, or nobody did
	}
	if err != nil {
		return denied(fmt.Errorf("patch: %w", err))
	}
	w.remember(gvr, after)
	return nil
}

// mayRead asks, with the account's rights, for a template of another namespace.
func (w World) mayRead(ctx context.Context, ref template.Ref) error {
	gvr := v1alpha1.SchemeGroupVersion.WithResource("runtemplates")
	_, err := w.as.Resource(gvr).Namespace(ref.Namespace).Get(ctx, ref.Name, metav1.GetOptions{})
	if err != nil && !errors.IsNotFound(err) {
		return denied(err)
	}
	return nil
}
