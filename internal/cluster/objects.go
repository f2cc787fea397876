// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"encoding/json"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"rhumb.run/rhumb/api/carto/v1alpha1"
)

// writer is who the API server takes note of.
const writer = "rhumb-workload"

// Workload returns one, and nil if it is not there.
func (c *Cluster) Workload(ctx context.Context, name string) (*v1alpha1.Workload, error) {
	u, err := c.objects.Resource(workloads).Namespace(c.Namespace).Get(ctx, name, metav1.GetOptions{})
	if absent(err, workloads, name) {
		return nil, nil //nolint:nilnil // there is none, and that is an answer
	}
	if err != nil {
		return nil, fmt.Errorf("reading workload %q: %w", name, plain(err, workloads))
	}
	return typed(u, &v1alpha1.Workload{})
}

// Raw is a workload with all that the server has of it.
func (c *Cluster) Raw(ctx context.Context, name string) (*unstructured.Unstructured, error) {
	u, err := c.objects.Resource(workloads).Namespace(c.Namespace).Get(ctx, name, metav1.GetOptions{})
	if absent(err, workloads, name) {
		return nil, nil //nolint:nilnil // there is none, and that is an answer
	}
	if err != nil {
		return nil, fmt.Errorf("reading workload %q: %w", name, plain(err, workloads))
	}
	return u, nil
}

// Create makes a workload; it refuses a name that is taken.
func (c *Cluster) Create(ctx context.Context, object map[string]any) (*v1alpha1.Workload, error) {
	u := &unstructured.Unstructured{Object: object}
	made, err := c.objects.Resource(workloads).Namespace(c.Namespace).Create(ctx, u, metav1.CreateOptions{FieldManager: writer, FieldValidation: metav1.FieldValidationStrict})
	if err != nil {
		return nil, fmt.Errorf("creating workload %q: %w", u.GetName(), plain(err, workloads))
	}
	return typed(made, &v1alpha1.Workload{})
}

// Patch changes a workload, if it is still the version that the patch names.
func (c *Cluster) Patch(ctx context.Context, name string, patch []byte) (*v1alpha1.Workload, error) {
	u, err := c.objects.Resource(workloads).Namespace(c.Namespace).Patch(ctx, name, types.MergePatchType, patch,
		metav1.PatchOptions{FieldManager: writer, FieldValidation: metav1.FieldValidationStrict})
	if apierrors.IsConflict(err) {
		return nil, fmt.Errorf("updating workload %q: somebody changed it meanwhile, and nothing was written: run the command again to see what differs now", name)
	}
	if err != nil {
		return nil, fmt.Errorf("updating workload %q: %w", name, plain(err, workloads))
	}
	return typed(u, &v1alpha1.Workload{})
}

// Delete deletes a workload and says whether there was one. What was stamped for it goes after it.
func (c *Cluster) Delete(ctx context.Context, name string) (bool, error) {
	err := c.objects.Resource(workloads).Namespace(c.Namespace).Delete(ctx, name, metav1.DeleteOptions{})
	if absent(err, workloads, name) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("deleting workload %q: %w", name, plain(err, workloads))
	}
	return true, nil
}

// List returns the workloads of the namespace, or of all, that have the labels.
func (c *Cluster) List(ctx context.Context, all bool, labels string) ([]v1alpha1.Workload, error) {
	namespace := c.Namespace
	if all {
		namespace = metav1.NamespaceAll
	}
	list, err := c.objects.Resource(workloads).Namespace(namespace).List(ctx, metav1.ListOptions{LabelSelector: labels})
	if err != nil {
		return nil, fmt.Errorf("listing workloads: %w", plain(err, workloads))
	}
	return every[v1alpha1.Workload](list)
}

// Chains returns all supply chains.
func (c *Cluster) Chains(ctx context.Context) ([]v1alpha1.ClusterSupplyChain, error) {
	list, err := c.objects.Resource(chains).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("listing supply chains: %w", plain(err, chains))
	}
	return every[v1alpha1.ClusterSupplyChain](list)
}

// Chain returns one supply chain, and nil if it is not there.
func (c *Cluster) Chain(ctx context.Context, name string) (*v1alpha1.ClusterSupplyChain, error) {
	u, err := c.objects.Resource(chains).Get(ctx, name, metav1.GetOptions{})
	if absent(err, chains, name) {
		return nil, nil //nolint:nilnil // there is none, and that is an answer
	}
	if err != nil {
		return nil, fmt.Errorf("reading supply chain %q: %w", name, plain(err, chains))
	}
	return typed(u, &v1alpha1.ClusterSupplyChain{})
}

// absent tells an object that is not there from a kind that is not.
func absent(err error, of schema.GroupVersionResource, name string) bool {
	status, ok := err.(apierrors.APIStatus)
	return ok && apierrors.IsNotFound(err) && status.Status().Details != nil && status.Status().Details.Name == name && of.Resource != ""
}

// plain says in words what the server's code means to a person.
func plain(err error, of schema.GroupVersionResource) error {
	if apierrors.IsNotFound(err) {
		return fmt.Errorf("the cluster does not know %s of %s: is Rhumb installed there?", of.Resource, of.GroupVersion())
	}
	return err
}

func typed[T any](u *unstructured.Unstructured, into *T) (*T, error) {
	raw, err := u.MarshalJSON()
	if err == nil {
		err = json.Unmarshal(raw, into)
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s %q: %w", u.GetKind(), u.GetName(), err)
	}
	return into, nil
}

func every[T any](list *unstructured.UnstructuredList) ([]T, error) {
	out := make([]T, 0, len(list.Items))
	for i := range list.Items {
		one, err := typed(&list.Items[i], new(T))
		if err != nil {
			return nil, err
		}
		out = append(out, *one)
	}
	return out, nil
}
