// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"rhumb.run/rhumb/internal/core/lifecycle"
	"rhumb.run/rhumb/internal/core/realize"
	"rhumb.run/rhumb/internal/fault"
)

// List answers from memory, as Observe does.
func (w World) List(ctx context.Context, like *unstructured.Unstructured, marks map[string]string) ([]*unstructured.Unstructured, string, error) {
	gvr, err := w.resource(like.GroupVersionKind())
	if err != nil {
		return nil, "", err
	}
	all, err := w.list(ctx, gvr, like, marks)
	var out []*unstructured.Unstructured
	wanted := labels.SelectorFromValidatedSet(marks)
	for _, u := range all {
		if u.GetNamespace() == like.GetNamespace() && wanted.Matches(labels.Set(u.GetLabels())) && sameController(u, like) {
			out = append(out, u)
		}
	}
	lifecycle.Sort(out)
	return out, gvr.GroupResource().String(), err
}

func (w World) list(ctx context.Context, gvr schema.GroupVersionResource, like *unstructured.Unstructured, marks map[string]string) ([]*unstructured.Unstructured, error) {
	if secret(gvr) {
		return w.askAll(ctx, gvr, like.GetNamespace(), marks)
	}
	watch, err := w.Watches.of(ctx, kindOf(gvr, marks))
	if err != nil {
		return nil, err
	}
	return watch.runs(like.GetOwnerReferences()[0].UID)
}

// askAll reads from the server, with the owner's rights, what must not be kept in memory.
func (w World) askAll(ctx context.Context, gvr schema.GroupVersionResource, namespace string, marks map[string]string) ([]*unstructured.Unstructured, error) {
	listed, err := w.as.Resource(gvr).Namespace(namespace).List(ctx, metav1.ListOptions{LabelSelector: labels.FormatLabels(marks)})
	if err != nil {
		return nil, denied(fmt.Errorf("unable to list from api server: %w", err))
	}
	out := make([]*unstructured.Unstructured, 0, len(listed.Items))
	for i := range listed.Items {
		out = append(out, &listed.Items[i])
	}
	return out, nil
}

// Create makes an object that is never changed afterwards. It is a plain create:
// the right to patch is not asked of an account that only starts runs.
func (w World) Create(ctx context.Context, desired *unstructured.Unstructured) (realize.Live, error) {
	gvr, err := w.resource(desired.GroupVersionKind())
	if err != nil {
		return realize.Live{}, err
	}
	made, err := w.as.Resource(gvr).Namespace(desired.GetNamespace()).Create(ctx, desired,
		metav1.CreateOptions{FieldManager: Manager, FieldValidation: metav1.FieldValidationIgnore})
	switch {
	case errors.IsAlreadyExists(err):
		made, err = w.existing(ctx, gvr, desired, err)
	case errors.IsNotFound(err):
		w.resources.Delete(desired.GroupVersionKind())
	}
	if err != nil {
		return realize.Live{}, denied(fmt.Errorf("create: %w", err))
	}
	w.remember(gvr, made)
	return realize.Live{Object: made, Resource: gvr.GroupResource().String()}, nil
}

// existing is for a run that was made before, by us, without our memory of it.
func (w World) existing(ctx context.Context, gvr schema.GroupVersionResource, desired *unstructured.Unstructured, refusal error) (*unstructured.Unstructured, error) {
	live, err := w.ask(ctx, gvr, desired.GetNamespace(), desired.GetName())
	switch {
	case err != nil:
		return nil, err
	case live == nil:
		return nil, refusal // gone meanwhile: try again
	case !sameController(live, desired):
		return nil, fault.As(fault.Deny, "", &realize.OccupiedError{Holder: realize.Holder(live)})
	}
	return live, nil
}
