// SPDX-License-Identifier: Apache-2.0

package story

import (
	"context"
	"strings"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/tools/cache"

	"rhumb.run/rhumb/test/e2e/rig"
)

// The kinds that the story shows.
var (
	Workloads         = schema.GroupVersionResource{Group: "carto.run", Version: "v1alpha1", Resource: "workloads"}
	ImageRepositories = schema.GroupVersionResource{Group: "source.apps.tanzu.vmware.com", Version: "v1alpha1", Resource: "imagerepositories"}
	Deployments       = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}
	Pods              = schema.GroupVersionResource{Version: "v1", Resource: "pods"}
)

// kinds are those of this story.
var kinds = []schema.GroupVersionResource{Workloads, ImageRepositories, Deployments, Pods}

// Change is one line of what happened to an object.
type Change struct {
	At     time.Time
	Object string // kind/name
	What   string
	// Live is the object after the change, nil if it is gone.
	Live *unstructured.Unstructured
}

// Watch follows the story's objects in one namespace.
type Watch struct {
	mu   sync.Mutex
	live map[schema.GroupVersionResource]map[string]*unstructured.Unstructured
	born map[string]time.Time // when an object, by UID, was first seen
	tell func(Change)
	wake chan struct{}
}

// Follow starts a watch of some kinds and waits for its first lists. What is
// there already is known, and not told.
func Follow(ctx context.Context, c dynamic.Interface, namespace string, tell func(Change), kinds ...schema.GroupVersionResource) *Watch {
	w := &Watch{
		live: map[schema.GroupVersionResource]map[string]*unstructured.Unstructured{},
		born: map[string]time.Time{}, tell: tell, wake: make(chan struct{}, 1),
	}
	f := dynamicinformer.NewFilteredDynamicSharedInformerFactory(c, 0, namespace, func(*metav1.ListOptions) {})
	for _, gvr := range kinds {
		w.live[gvr] = map[string]*unstructured.Unstructured{}
		_, _ = f.ForResource(gvr).Informer().AddEventHandler(cache.ResourceEventHandlerDetailedFuncs{
			AddFunc:    func(o any, first bool) { w.saw(gvr, nil, o, first) },
			UpdateFunc: func(was, is any) { w.saw(gvr, was, is, false) },
			DeleteFunc: func(o any) { w.lost(gvr, o) },
		})
	}
	f.Start(ctx.Done())
	f.WaitForCacheSync(ctx.Done())
	return w
}

func (w *Watch) saw(gvr schema.GroupVersionResource, was, is any, first bool) {
	now := time.Now()
	after := is.(*unstructured.Unstructured)
	before, _ := was.(*unstructured.Unstructured)
	w.mu.Lock()
	w.live[gvr][after.GetName()] = after
	if _, known := w.born[string(after.GetUID())]; !known {
		w.born[string(after.GetUID())] = now
	}
	w.mu.Unlock()
	if !first {
		name := strings.ToLower(after.GetKind()) + "/" + after.GetName()
		if before == nil {
			w.tell(Change{now, name, "created", after})
		}
		for _, what := range Changes(before, after) {
			w.tell(Change{now, name, what, after})
		}
	}
	w.poke()
}

func (w *Watch) lost(gvr schema.GroupVersionResource, o any) {
	if d, ok := o.(cache.DeletedFinalStateUnknown); ok {
		o = d.Obj
	}
	u, ok := o.(*unstructured.Unstructured)
	if !ok {
		return
	}
	w.mu.Lock()
	delete(w.live[gvr], u.GetName())
	w.mu.Unlock()
	w.tell(Change{time.Now(), strings.ToLower(u.GetKind()) + "/" + u.GetName(), "gone", nil})
	w.poke()
}

func (w *Watch) poke() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// Get returns an object as last seen, or nil.
func (w *Watch) Get(gvr schema.GroupVersionResource, name string) *unstructured.Unstructured {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.live[gvr][name]
}

// List returns all objects of a kind as last seen.
func (w *Watch) List(gvr schema.GroupVersionResource) []*unstructured.Unstructured {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []*unstructured.Unstructured
	for _, o := range w.live[gvr] {
		out = append(out, o)
	}
	return out
}

// Born is when the watch saw an object for the first time.
func (w *Watch) Born(o *unstructured.Unstructured) time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.born[string(o.GetUID())]
}

// Until waits until ok says true; it asks after every change.
func (w *Watch) Until(ctx context.Context, what string, ok func() (bool, string)) error {
	for {
		done, missing := ok()
		if done {
			return nil
		}
		select {
		case <-ctx.Done():
			return &rig.Timeout{What: what, Missing: missing, Err: ctx.Err()}
		case <-w.wake:
		}
	}
}
