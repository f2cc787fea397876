// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"rhumb.run/rhumb/api/rhumb/v1alpha1"
	"rhumb.run/rhumb/internal/core/clone"
)

// imageWriter is who the API server takes note of where images are written, as it does where the controller writes them.
const imageWriter = "rhumb-images"

// podMakers are the kinds that have pods, by how people may write them, kubectl's short names included.
var podMakers = []struct {
	kind  string
	words []string
	at    schema.GroupVersionResource
}{
	{"Deployment", []string{"deployment", "deployments", "deploy"}, appsv1.SchemeGroupVersion.WithResource("deployments")},
	{"StatefulSet", []string{"statefulset", "statefulsets", "sts"}, appsv1.SchemeGroupVersion.WithResource("statefulsets")},
	{"DaemonSet", []string{"daemonset", "daemonsets", "ds"}, appsv1.SchemeGroupVersion.WithResource("daemonsets")},
	{"CronJob", []string{"cronjob", "cronjobs", "cj"}, batchv1.SchemeGroupVersion.WithResource("cronjobs")},
	{"Job", []string{"job", "jobs"}, batchv1.SchemeGroupVersion.WithResource("jobs")},
	{"Pod", []string{"pod", "pods", "po"}, podKind},
}

var (
	clonePolicies = v1alpha1.SchemeGroupVersion.WithResource("imageclonepolicies")
	clonedImages  = v1alpha1.SchemeGroupVersion.WithResource("clonedimages")
)

// KindOfPods is the kind that a word of a person's means; empty if it is none that has pods.
func KindOfPods(word string) string {
	for _, m := range podMakers {
		if slices.Contains(m.words, strings.ToLower(word)) {
			return m.kind
		}
	}
	return ""
}

// HavePods lists what is or makes pods, of the namespace or of all; of all kinds, or those that are named.
func (c *Cluster) HavePods(ctx context.Context, all bool, kinds ...string) ([]clone.Object, error) {
	namespace := c.Namespace
	if all {
		namespace = metav1.NamespaceAll
	}
	of, err := c.namespaceLabels(ctx)
	if err != nil {
		return nil, err
	}
	var out []clone.Object
	for _, m := range podMakers {
		if len(kinds) > 0 && !slices.Contains(kinds, m.kind) {
			continue
		}
		some, err := c.listPods(ctx, m.kind, namespace)
		if err != nil {
			return nil, fmt.Errorf("listing %s: %w", m.at.Resource, err)
		}
		for _, o := range some {
			read, _ := clone.ObjectOf(o)
			read.NamespaceLabels = of[read.Namespace]
			out = append(out, read)
		}
	}
	return out, nil
}

func (c *Cluster) listPods(ctx context.Context, kind, namespace string) ([]metav1.Object, error) {
	o := metav1.ListOptions{}
	switch kind {
	case "Deployment":
		return items(c.kube.AppsV1().Deployments(namespace).List(ctx, o))(func(l *appsv1.DeploymentList) []metav1.Object { return each(l.Items) })
	case "StatefulSet":
		return items(c.kube.AppsV1().StatefulSets(namespace).List(ctx, o))(func(l *appsv1.StatefulSetList) []metav1.Object { return each(l.Items) })
	case "DaemonSet":
		return items(c.kube.AppsV1().DaemonSets(namespace).List(ctx, o))(func(l *appsv1.DaemonSetList) []metav1.Object { return each(l.Items) })
	case "CronJob":
		return items(c.kube.BatchV1().CronJobs(namespace).List(ctx, o))(func(l *batchv1.CronJobList) []metav1.Object { return each(l.Items) })
	case "Job":
		return items(c.kube.BatchV1().Jobs(namespace).List(ctx, o))(func(l *batchv1.JobList) []metav1.Object { return each(l.Items) })
	}
	return items(c.kube.CoreV1().Pods(namespace).List(ctx, o))(func(l *corev1.PodList) []metav1.Object { return each(l.Items) })
}

// items takes the objects out of a list, if there is one.
func items[L any](list L, err error) func(func(L) []metav1.Object) ([]metav1.Object, error) {
	return func(take func(L) []metav1.Object) ([]metav1.Object, error) {
		if err != nil {
			return nil, err
		}
		return take(list), nil
	}
}

func each[T any, P interface {
	*T
	metav1.Object
}](all []T) []metav1.Object {
	out := make([]metav1.Object, 0, len(all))
	for i := range all {
		out = append(out, P(&all[i]))
	}
	return out
}

// namespaceLabels are the labels of namespaces, as far as the person may see them: without, a selector matches none.
func (c *Cluster) namespaceLabels(ctx context.Context) (map[string]labels.Set, error) {
	list, err := c.partial.Resource(corev1.SchemeGroupVersion.WithResource("namespaces")).List(ctx, metav1.ListOptions{})
	if apierrors.IsForbidden(err) {
		return map[string]labels.Set{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("listing namespaces: %w", err)
	}
	out := map[string]labels.Set{}
	for i := range list.Items {
		out[list.Items[i].Name] = list.Items[i].Labels
	}
	return out, nil
}

// ClonePolicies are the ImageClonePolicies; none where the cluster does not know the kind.
func (c *Cluster) ClonePolicies(ctx context.Context) ([]v1alpha1.ImageClonePolicy, error) {
	return clusterWide[v1alpha1.ImageClonePolicy](ctx, c, clonePolicies)
}

// ClonedImages are those that the controller keeps account of; none where the cluster does not know the kind.
func (c *Cluster) ClonedImages(ctx context.Context) ([]v1alpha1.ClonedImage, error) {
	return clusterWide[v1alpha1.ClonedImage](ctx, c, clonedImages)
}

func clusterWide[T any](ctx context.Context, c *Cluster, kind schema.GroupVersionResource) ([]T, error) {
	list, err := c.objects.Resource(kind).List(ctx, metav1.ListOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("listing %s: %w", kind.Resource, err)
	}
	return every[T](list)
}

// ErrChanged is said of an object that somebody changed meanwhile.
var ErrChanged = errors.New("somebody changed it meanwhile")

// PatchImages changes an object that has pods by one strategic merge patch, if it is still the version that the patch names.
func (c *Cluster) PatchImages(ctx context.Context, o clone.Subject, patch map[string]any) error {
	raw, err := json.Marshal(patch)
	if err != nil {
		return fmt.Errorf("writing the patch of %s %s/%s: %w", o.Kind, o.Namespace, o.Name, err)
	}
	for _, m := range podMakers {
		if m.kind != o.Kind {
			continue
		}
		_, err = c.objects.Resource(m.at).Namespace(o.Namespace).Patch(ctx, o.Name, types.StrategicMergePatchType, raw, metav1.PatchOptions{FieldManager: imageWriter})
	}
	if apierrors.IsConflict(err) {
		return ErrChanged
	}
	if err != nil {
		return fmt.Errorf("changing %s %s/%s: %w", o.Kind, o.Namespace, o.Name, err)
	}
	return nil
}
