// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/view"
)

// Facts are all that is shown of a workload; nil if it is not there. What may
// not be read is named, and left out.
func (c *Cluster) Facts(ctx context.Context, name string) (*view.Facts, error) {
	w, err := c.Workload(ctx, name)
	if err != nil || w == nil {
		return nil, err
	}
	f := &view.Facts{Workload: w, Unread: map[string]string{}}
	if f.Deliverable, err = c.deliverable(ctx, name); err != nil {
		f.Unread["deliverables"] = err.Error()
	}
	if f.Pods, err = c.pods(ctx, w, f.Deliverable); err != nil {
		f.Unread["pods"] = err.Error()
	}
	selector := metav1.ListOptions{LabelSelector: v1alpha1.WorkloadNameLabel + "=" + name}
	if in, err := c.kube.NetworkingV1().Ingresses(c.Namespace).List(ctx, selector); err == nil {
		f.Ingresses = in.Items
	}
	// Most clusters have no such kind, and most people no right to it where there is: neither is news.
	if list, err := c.objects.Resource(knative).Namespace(c.Namespace).List(ctx, selector); err == nil {
		for i := range list.Items {
			f.Knative = append(f.Knative, service(&list.Items[i]))
		}
	}
	return f, ctx.Err()
}

func (c *Cluster) deliverable(ctx context.Context, name string) (*v1alpha1.Deliverable, error) {
	u, err := c.objects.Resource(deliverables).Namespace(c.Namespace).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil //nolint:nilnil // there is none, and that is an answer
	}
	if err != nil {
		return nil, err
	}
	return typed(u, &v1alpha1.Deliverable{})
}

func (c *Cluster) pods(ctx context.Context, w *v1alpha1.Workload, d *v1alpha1.Deliverable) ([]corev1.Pod, error) {
	list, err := c.kube.CoreV1().Pods(c.Namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	family := c.family(w, d)
	var out []corev1.Pod
	for i := range list.Items {
		if _, ours := family.step(ctx, &list.Items[i]); ours {
			out = append(out, list.Items[i])
		}
	}
	return out, nil
}

func service(u *unstructured.Unstructured) view.KnativeService {
	out := view.KnativeService{Name: u.GetName()}
	out.URL, _, _ = unstructured.NestedString(u.Object, "status", "url")
	all, _, _ := unstructured.NestedSlice(u.Object, "status", "conditions")
	for _, c := range all {
		m, ok := c.(map[string]any)
		if !ok || m["type"] != "Ready" {
			continue
		}
		if out.Ready = "Ready"; m["status"] != "True" {
			out.Ready, _ = m["reason"].(string)
		}
	}
	return out
}
