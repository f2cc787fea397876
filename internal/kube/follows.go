// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"context"
	"fmt"
	"maps"
	"sync"

	"k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/tools/cache"
)

// Teller is told of each object that changes of a kind that is followed; labels
// are those that it has, or had.
type Teller func(kind schema.GroupVersionKind, namespace string, labels map[string]string)

// Follows watches kinds that selectors name, with the controller's own rights:
// names and labels of their objects, never content. A kind is watched once,
// however many select of it, so that no tenant's selectors can make many watches.
type Follows struct {
	ctx    context.Context //nolint:containedctx // the life of the watches, which outlive every call that starts one
	client metadata.Interface
	tell   Teller

	mu    sync.Mutex
	kinds map[schema.GroupVersionResource]*watch
}

// NewFollows watches until ctx ends.
func NewFollows(ctx context.Context, c metadata.Interface, tell Teller) *Follows {
	return &Follows{ctx: ctx, client: c, tell: tell, kinds: map[schema.GroupVersionResource]*watch{}}
}

// follow has the kind watched; the error says why it is not, and what to do
// about it.
func (f *Follows) follow(ctx context.Context, gvr schema.GroupVersionResource, gvk schema.GroupVersionKind) error {
	if secret(gvr) {
		return fmt.Errorf("changes of selected %s are noticed within a minute only: rhumb watches no secrets", gvr.GroupResource())
	}
	k, err := f.start(gvr, gvk)
	if err != nil {
		return err
	}
	ctx, stop := context.WithTimeout(ctx, syncWait)
	defer stop()
	if !k.informer.HasSynced() {
		cache.WaitForCacheSync(ctx.Done(), func() bool { return k.informer.HasSynced() || k.failure() != nil })
	}
	switch err := k.failure(); {
	case k.informer.HasSynced():
		return nil
	case errors.IsForbidden(err):
		return fmt.Errorf("changes of selected %s are noticed within a minute only: rhumb may not watch them: grant get, list and watch "+
			"in a ClusterRole labelled %s", gvr.GroupResource(), `rhumb.run/aggregate-to-controller: "true"`)
	default:
		return fmt.Errorf("changes of selected %s are noticed within a minute only: their watch has not begun: %w", gvr.GroupResource(), err)
	}
}

func (f *Follows) start(gvr schema.GroupVersionResource, gvk schema.GroupVersionKind) (*watch, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if k, ok := f.kinds[gvr]; ok {
		return k, nil
	}
	k := &watch{informer: metadatainformer.NewFilteredMetadataInformer(f.client, gvr, metav1.NamespaceAll, 0, cache.Indexers{}, nil).Informer()}
	if err := k.informer.SetTransform(bare); err != nil {
		return nil, fmt.Errorf("watching %s: %w", gvr.GroupResource(), err)
	}
	if err := k.informer.SetWatchErrorHandlerWithContext(k.failed); err != nil {
		return nil, fmt.Errorf("watching %s: %w", gvr.GroupResource(), err)
	}
	if _, err := k.informer.AddEventHandler(f.handler(gvk)); err != nil {
		return nil, fmt.Errorf("watching %s: %w", gvr.GroupResource(), err)
	}
	f.kinds[gvr] = k
	go k.informer.RunWithContext(f.ctx)
	return k, nil
}

// bare keeps what a selector needs of an object.
func bare(o any) (any, error) {
	m, ok := o.(*metav1.PartialObjectMetadata)
	if !ok {
		return o, nil
	}
	return &metav1.PartialObjectMetadata{TypeMeta: m.TypeMeta, ObjectMeta: metav1.ObjectMeta{
		Namespace: m.Namespace, Name: m.Name, UID: m.UID, ResourceVersion: m.ResourceVersion, Labels: m.Labels,
	}}, nil
}

func (f *Follows) handler(gvk schema.GroupVersionKind) cache.ResourceEventHandler {
	tell := func(o any) {
		if gone, ok := o.(cache.DeletedFinalStateUnknown); ok {
			o = gone.Obj
		}
		if m, ok := o.(*metav1.PartialObjectMetadata); ok {
			f.tell(gvk, m.Namespace, m.Labels)
		}
	}
	return cache.ResourceEventHandlerDetailedFuncs{
		AddFunc: func(o any, initial bool) {
			if !initial {
				tell(o)
			}
		},
		UpdateFunc: func(before, after any) {
			was, ok1 := before.(*metav1.PartialObjectMetadata)
			is, ok2 := after.(*metav1.PartialObjectMetadata)
			if !ok1 || !ok2 || was.ResourceVersion == is.ResourceVersion {
				return
			}
			tell(is)
			if !maps.Equal(was.Labels, is.Labels) {
				tell(was)
			}
		},
		DeleteFunc: tell,
	}
}
