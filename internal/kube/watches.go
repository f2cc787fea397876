// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"fmt"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/tools/cache"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/fault"
)

// Waker is told whose stamped object changed. Kind is the owner's.
type Waker func(kind string, owner types.NamespacedName)

// Watches keeps the stamped objects of every kind in use in memory, filtered
// on the server by the label that they all carry.
type Watches struct {
	ctx    context.Context //nolint:containedctx // the life of the watches, which outlive every call that starts one
	client dynamic.Interface
	wake   Waker

	mu    sync.Mutex
	kinds map[kind]*watch
}

// kind is a resource and the label by which its stamped objects are told from
// all others: those of an owner's step, or those of a runnable.
type kind struct {
	schema.GroupVersionResource
	label string
}

// kindOf is how an object of these labels is watched. A run may carry the
// labels of the runnable whose it is, and so those of a step too.
func kindOf(gvr schema.GroupVersionResource, labels map[string]string) kind {
	if _, run := labels[v1alpha1.RunnableNameLabel]; run {
		return kind{gvr, v1alpha1.RunnableNameLabel}
	}
	return kind{gvr, v1alpha1.ResourceNameLabel}
}

// syncWait bounds how long a walk waits for a kind that is watched for the first time.
const syncWait = 10 * time.Second

// watch is one kind's informer and what we wrote that it has not shown yet.
type watch struct {
	informer cache.SharedIndexInformer
	recent   recent

	mu  sync.Mutex
	err error
}

// NewWatches watches with the controller's own rights until ctx ends.
func NewWatches(ctx context.Context, c dynamic.Interface, wake Waker) *Watches {
	return &Watches{ctx: ctx, client: c, wake: wake, kinds: map[kind]*watch{}}
}

// of gives the synced watch of a kind, starting it if need be.
func (w *Watches) of(ctx context.Context, of kind) (*watch, error) {
	k, err := w.start(of)
	if err != nil {
		return nil, err
	}
	if k.informer.HasSynced() {
		return k, nil
	}
	ctx, stop := context.WithTimeout(ctx, syncWait)
	defer stop()
	// A kind that cannot be listed must not keep a worker from other owners: its watch goes on trying.
	cache.WaitForCacheSync(ctx.Done(), func() bool { return k.informer.HasSynced() || k.failure() != nil })
	if k.informer.HasSynced() {
		return k, nil
	}
	return nil, k.unsynced(of.GroupVersionResource)
}

func (w *Watches) start(of kind) (*watch, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	gvr := of.GroupVersionResource
	if k, ok := w.kinds[of]; ok {
		return k, nil
	}
	indexers := cache.Indexers{byController: runController}
	k := &watch{informer: dynamicinformer.NewFilteredDynamicInformer(w.client, gvr, metav1.NamespaceAll, 0, indexers, func(o *metav1.ListOptions) {
		o.LabelSelector = of.label
	}).Informer()}
	if err := k.informer.SetTransform(Compact); err != nil {
		return nil, fmt.Errorf("watching %s: %w", gvr.GroupResource(), err)
	}
	if err := k.informer.SetWatchErrorHandlerWithContext(k.failed); err != nil {
		return nil, fmt.Errorf("watching %s: %w", gvr.GroupResource(), err)
	}
	if _, err := k.informer.AddEventHandler(w.handler(k)); err != nil {
		return nil, fmt.Errorf("watching %s: %w", gvr.GroupResource(), err)
	}
	w.kinds[of] = k
	go k.informer.RunWithContext(w.ctx)
	return k, nil
}

// byController is the index of runs by their controller's UID.
const byController = "controller"

// runController indexes only objects of which a step may have several: for
// all others, an index would cost memory and answer nothing.
func runController(o any) ([]string, error) {
	u, ok := o.(*unstructured.Unstructured)
	if !ok || !several(u) {
		return nil, nil
	}
	if ref := metav1.GetControllerOfNoCopy(u); ref != nil {
		return []string{string(ref.UID)}, nil
	}
	return nil, nil
}

func several(u *unstructured.Unstructured) bool {
	labels := u.GetLabels()
	lifecycle, step := labels[v1alpha1.TemplateLifecycleLabel]
	_, run := labels[v1alpha1.RunnableNameLabel]
	return run || !step || lifecycle != v1alpha1.LifecycleMutable
}

func (w *Watches) handler(k *watch) cache.ResourceEventHandler {
	return cache.ResourceEventHandlerFuncs{
		AddFunc: func(o any) { w.changed(k, o) },
		UpdateFunc: func(before, after any) {
			if before.(*unstructured.Unstructured).GetResourceVersion() != after.(*unstructured.Unstructured).GetResourceVersion() {
				w.changed(k, after)
			}
		},
		DeleteFunc: func(o any) {
			if gone, ok := o.(cache.DeletedFinalStateUnknown); ok {
				o = gone.Obj
			}
			if u, ok := o.(*unstructured.Unstructured); ok {
				k.recent.gone(u)
				w.wakeOwner(u)
			}
		},
	}
}

// changed wakes the owner, unless this is the echo of what we wrote ourselves
// and have read already.
func (w *Watches) changed(k *watch, o any) {
	u, ok := o.(*unstructured.Unstructured)
	if ok && !k.recent.seen(u) {
		w.wakeOwner(u)
	}
}

func (w *Watches) wakeOwner(u *unstructured.Unstructured) {
	for _, ref := range u.GetOwnerReferences() {
		if ref.Controller != nil && *ref.Controller && ref.APIVersion == v1alpha1.SchemeGroupVersion.String() {
			w.wake(ref.Kind, types.NamespacedName{Namespace: u.GetNamespace(), Name: ref.Name})
		}
	}
}

// find looks an object up among the stamped ones of its kind: runs first, where
// there are any, since a kind that only runnables stamp needs no other watch.
func (w *Watches) find(ctx context.Context, gvr schema.GroupVersionResource, namespace, name string) (*unstructured.Unstructured, error) {
	runs, steps := kind{gvr, v1alpha1.RunnableNameLabel}, kind{gvr, v1alpha1.ResourceNameLabel}
	for _, k := range []kind{runs, steps} {
		if k == runs && !w.watches(k) {
			continue
		}
		watch, err := w.of(ctx, k)
		if err != nil {
			return nil, err
		}
		if u := watch.get(namespace, name); u != nil {
			return u, nil
		}
	}
	return nil, nil
}

func (w *Watches) watches(k kind) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.kinds[k] != nil
}

// get is the newest state that we know of an object, nil if there is none.
func (k *watch) get(namespace, name string) *unstructured.Unstructured {
	key := namespace + "/" + name
	o, found, err := k.informer.GetStore().GetByKey(key)
	if err != nil || !found {
		return k.recent.newest(key, nil)
	}
	return k.recent.newest(key, o.(*unstructured.Unstructured))
}

func (k *watch) failed(_ context.Context, _ *cache.Reflector, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.err = err
}

func (k *watch) failure() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.err
}

// unsynced says why a kind cannot be watched and what to do about it.
func (k *watch) unsynced(gvr schema.GroupVersionResource) error {
	err := k.failure()
	if errors.IsForbidden(err) {
		return fault.Denyf("", "rhumb may not watch %s: grant get, list and watch on it in a ClusterRole labelled %s: %w",
			gvr.GroupResource(), `rhumb.run/aggregate-to-controller: "true"`, err)
	}
	if err != nil {
		return fmt.Errorf("watching %s: %w", gvr.GroupResource(), err)
	}
	return fmt.Errorf("watching %s: the first list took longer than %s", gvr.GroupResource(), syncWait)
}

// runs are all objects of a controller of which it may have several.
func (k *watch) runs(controller types.UID) ([]*unstructured.Unstructured, error) {
	shown, err := k.informer.GetIndexer().ByIndex(byController, string(controller))
	if err != nil {
		return nil, fmt.Errorf("reading runs from memory: %w", err)
	}
	var out []*unstructured.Unstructured
	seen := make(map[string]bool, len(shown))
	for _, o := range shown {
		u := o.(*unstructured.Unstructured)
		key := u.GetNamespace() + "/" + u.GetName()
		seen[key] = true
		out = append(out, k.recent.newest(key, u))
	}
	for key, u := range k.recent.of(controller) {
		if _, known, err := k.informer.GetStore().GetByKey(key); err == nil && !known && !seen[key] {
			out = append(out, u)
		}
	}
	return out, nil
}
