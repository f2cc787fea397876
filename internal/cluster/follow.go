// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"

	"rhumb.run/rhumb/api/carto/v1alpha1"
)

// feed is a list that a watch keeps fresh, through lost connections and all.
type feed struct {
	source cache.ListerWatcher
	of     runtime.Object
	seen   func(object any)
	gone   func(object any)
}

// run follows until the context ends. A person who may not watch is told so:
// waiting in silence for what never comes helps nobody.
func (f *feed) run(ctx context.Context, what string) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	informer := cache.NewSharedIndexInformer(f.source, f.of, 0, nil)
	err := informer.SetWatchErrorHandlerWithContext(func(_ context.Context, _ *cache.Reflector, err error) {
		if apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err) || apierrors.IsNotFound(err) {
			cancel(fmt.Errorf("watching %s: %w", what, err))
		} // whatever else it is, it is tried again
	})
	if err != nil {
		return err
	}
	if _, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    f.seen,
		UpdateFunc: func(_, now any) { f.seen(now) },
		DeleteFunc: func(object any) {
			if late, ok := object.(cache.DeletedFinalStateUnknown); ok {
				object = late.Obj
			}
			f.gone(object)
		},
	}); err != nil {
		return err
	}
	informer.RunWithContext(ctx)
	if cause := context.Cause(ctx); cause != nil && !isEnd(cause) {
		return cause
	}
	return nil
}

func isEnd(err error) bool {
	return err == context.Canceled || err == context.DeadlineExceeded //nolint:errorlint // a cause is one of them or ours
}

// Watched is what a change may come from.
type Watched struct {
	Workload *v1alpha1.Workload
	// Gone says that the workload was deleted.
	Gone bool
}

// Watch hands on each state of one workload, the present one first.
func (c *Cluster) Watch(ctx context.Context, name string, on func(Watched)) error {
	hand := func(gone bool) func(any) {
		return func(object any) {
			if u, ok := object.(*unstructured.Unstructured); ok {
				if w, err := typed(u, &v1alpha1.Workload{}); err == nil {
					on(Watched{w, gone})
				}
			}
		}
	}
	f := &feed{source: c.dynamicSource(workloads, name), of: &unstructured.Unstructured{}, seen: hand(false), gone: hand(true)}
	return f.run(ctx, "workloads")
}

// Changes calls on whenever something that Facts shows may have changed.
func (c *Cluster) Changes(ctx context.Context, name string, on func()) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	either := func(any) { on() }
	feeds := map[string]*feed{
		"workloads":    {c.dynamicSource(workloads, name), &unstructured.Unstructured{}, either, either},
		"deliverables": {c.dynamicSource(deliverables, name), &unstructured.Unstructured{}, either, either},
		"pods":         {c.podSource(), &corev1.Pod{}, either, either},
	}
	done := make(chan struct{}, len(feeds))
	for what, f := range feeds {
		go func() {
			defer func() { done <- struct{}{} }()
			// Without the workload there is nothing to show; the rest is shown without being watched.
			if err := f.run(ctx, what); err != nil && what == "workloads" {
				cancel(err)
			}
		}()
	}
	for range feeds {
		<-done
	}
	if cause := context.Cause(ctx); cause != nil && !isEnd(cause) {
		return cause
	}
	return nil
}

func (c *Cluster) dynamicSource(of schema.GroupVersionResource, name string) cache.ListerWatcher {
	only := func(o metav1.ListOptions) metav1.ListOptions {
		o.FieldSelector = fields.OneTermEqualSelector(metav1.ObjectNameField, name).String()
		return o
	}
	return &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			return c.objects.Resource(of).Namespace(c.Namespace).List(ctx, only(o))
		},
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			return c.objects.Resource(of).Namespace(c.Namespace).Watch(ctx, only(o))
		},
	}
}

func (c *Cluster) podSource() cache.ListerWatcher {
	return &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			return c.kube.CoreV1().Pods(c.Namespace).List(ctx, o)
		},
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			return c.kube.CoreV1().Pods(c.Namespace).Watch(ctx, o)
		},
	}
}
