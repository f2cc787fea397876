// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"rhumb.run/rhumb/api/rhumb/v1alpha1"
	"rhumb.run/rhumb/test/e2e/rig"
)

const (
	namespace = "bench"
	workers   = 8
)

// world is the cluster, as those fill it who use it.
type world struct {
	kubernetes.Interface
	dynamic dynamic.Interface
	source  *store
	target  *store
}

func connect(ctx context.Context, l rig.Lab) (*world, error) {
	file, err := l.Kubeconfig(ctx)
	if err != nil {
		return nil, err
	}
	cfg, err := clientcmd.BuildConfigFromFlags("", file)
	if err != nil {
		return nil, fmt.Errorf("connecting: %w", err)
	}
	cfg.QPS = -1
	w := &world{source: newStore(), target: newStore()}
	if w.Interface, err = kubernetes.NewForConfig(cfg); err != nil {
		return nil, fmt.Errorf("connecting: %w", err)
	}
	if w.dynamic, err = dynamic.NewForConfig(cfg); err != nil {
		return nil, fmt.Errorf("connecting: %w", err)
	}
	return w, nil
}

func (w *world) stop() {
	w.source.front.Close()
	w.target.front.Close()
}

// each does something n times, several at once.
func each(n int, do func(i int) error) error {
	var g errgroup.Group
	g.SetLimit(workers)
	for i := range n {
		g.Go(func() error { return do(i) })
	}
	return g.Wait()
}

// fill makes images, Deployments and pods.
func (w *world) fill(ctx context.Context, o options) error {
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}
	if _, err := w.CoreV1().Namespaces().Create(ctx, ns, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("making the namespace: %w", err)
	}
	if err := rig.Until(ctx, "the service account", 100*time.Millisecond, func() (bool, string) {
		_, err := w.CoreV1().ServiceAccounts(namespace).Get(ctx, "default", metav1.GetOptions{})
		return err == nil, fmt.Sprint(err)
	}); err != nil {
		return err
	}
	if err := each(o.images(), func(i int) error {
		if err := w.source.push(i); err != nil {
			return err
		}
		return w.deploy(ctx, i)
	}); err != nil {
		return err
	}
	return w.run(ctx, "pod", o.pods, func(i int) int { return i / perImage })
}

// deploy makes a Deployment that nobody acts for but the image cloner.
func (w *world) deploy(ctx context.Context, i int) error {
	none, app := int32(0), map[string]string{"app": fmt.Sprint("app-", i)}
	d := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: app["app"]},
		Spec: appsv1.DeploymentSpec{
			Replicas: &none, Paused: true, Selector: &metav1.LabelSelector{MatchLabels: app},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: app}, Spec: w.spec(i)},
		},
	}
	if _, err := w.AppsV1().Deployments(namespace).Create(ctx, d, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("making a Deployment: %w", err)
	}
	return nil
}

// run makes n pods that no scheduler looks at.
func (w *world) run(ctx context.Context, name string, n int, image func(i int) int) error {
	return each(n, func(i int) error {
		of := image(i)
		p := &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{
				Name: fmt.Sprint(name, "-", i), Labels: map[string]string{"app": fmt.Sprint("app-", of), "pod": fmt.Sprint(i)},
				Annotations: map[string]string{corev1.LastAppliedConfigAnnotation: strings.Repeat("x", 2000)},
			},
			Spec: w.spec(of),
		}
		p.Spec.SchedulerName = "nobody"
		if _, err := w.CoreV1().Pods(namespace).Create(ctx, p, metav1.CreateOptions{}); err != nil {
			return fmt.Errorf("making a Pod: %w", err)
		}
		return nil
	})
}

// spec is a pod as people write them: most of it says nothing of images.
func (w *world) spec(image int) corev1.PodSpec {
	c := corev1.Container{
		Name: "app", Image: w.source.image(image), ImagePullPolicy: corev1.PullIfNotPresent, Args: []string{"--serve", "--port=8080"},
		VolumeMounts: []corev1.VolumeMount{{Name: "config", MountPath: "/etc/app"}},
	}
	for i := range 20 {
		c.Env = append(c.Env, corev1.EnvVar{Name: fmt.Sprint("SETTING_", i), Value: strings.Repeat("v", 40)})
	}
	return corev1.PodSpec{
		Containers: []corev1.Container{c},
		Volumes: []corev1.Volume{{Name: "config", VolumeSource: corev1.VolumeSource{
			ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: "config"}},
		}}},
	}
}

var (
	policies = v1alpha1.SchemeGroupVersion.WithResource("imageclonepolicies")
	records  = v1alpha1.SchemeGroupVersion.WithResource("clonedimages")
)

// mirror has all images copied.
func (w *world) mirror(ctx context.Context) error {
	u := &unstructured.Unstructured{Object: map[string]any{
		"metadata": map[string]any{"name": "mirror"},
		"spec": map[string]any{
			"target":  map[string]any{"pullName": w.target.host(), "insecure": true},
			"sources": []any{map[string]any{"host": w.source.host(), "insecure": true}},
			"rewrite": map[string]any{"maxConcurrentRollouts": int64(1000)},
		},
	}}
	u.SetGroupVersionKind(v1alpha1.SchemeGroupVersion.WithKind("ImageClonePolicy"))
	if _, err := w.dynamic.Resource(policies).Create(ctx, u, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("making the policy: %w", err)
	}
	return nil
}

// ready counts the copies that are written down as being there.
func (w *world) ready(ctx context.Context) (n int, err error) {
	items, err := w.list(ctx, records)
	for i := range items {
		if state, _, _ := unstructured.NestedString(items[i].Object, "status", "state"); state == string(v1alpha1.StateReady) {
			n++
		}
	}
	return n, err
}

// rewritten counts Deployments that use a copy, and changes of their specs since they were made.
func (w *world) rewritten(ctx context.Context) (n int, patches int64, err error) {
	items, err := w.list(ctx, appsv1.SchemeGroupVersion.WithResource("deployments"))
	for i := range items {
		var d appsv1.Deployment
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(items[i].Object, &d); err != nil {
			return 0, 0, fmt.Errorf("reading a Deployment: %w", err)
		}
		patches += d.Generation - 1
		if strings.HasPrefix(d.Spec.Template.Spec.Containers[0].Image, w.target.host()) {
			n++
		}
	}
	return n, patches, err
}

func (w *world) list(ctx context.Context, of schema.GroupVersionResource) ([]unstructured.Unstructured, error) {
	list, err := w.dynamic.Resource(of).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("listing %s: %w", of.Resource, err)
	}
	return list.Items, nil
}
