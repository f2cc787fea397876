// SPDX-License-Identifier: Apache-2.0

package loop

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"
)

// Informers hands out informers from the shared cache, synced.
type Informers interface {
	Handle(ctx context.Context, object client.Object, handler cache.ResourceEventHandler) error
}

// InformersOf hands out a manager's informers.
func InformersOf(mgr manager.Manager) Informers { return shared{mgr} }

type shared struct{ mgr manager.Manager }

// Handle adds a handler and returns when the informer has shown it all there is.
func (s shared) Handle(ctx context.Context, object client.Object, handler cache.ResourceEventHandler) error {
	informer, err := s.mgr.GetCache().GetInformer(ctx, object)
	if err != nil {
		return err
	}
	registration, err := informer.AddEventHandler(handler)
	if err != nil {
		return err
	}
	if !cache.WaitForCacheSync(ctx.Done(), registration.HasSynced) {
		return fmt.Errorf("the watch ended before its first list")
	}
	return nil
}

// Watched is a kind that is watched, and who is told of its objects.
type Watched struct {
	Object  client.Object
	Handler cache.ResourceEventHandler
}

// WatchAll returns when each of them has shown all there is.
func WatchAll(ctx context.Context, informers Informers, all ...Watched) error {
	var group errgroup.Group
	for _, w := range all {
		group.Go(func() error {
			if err := informers.Handle(ctx, w.Object, w.Handler); err != nil {
				return fmt.Errorf("watching %T: %w", w.Object, err)
			}
			return nil
		})
	}
	return group.Wait()
}

// metadata asks for the metadata of a kind alone.
func metadata(gv schema.GroupVersion, kind string) client.Object {
	o := &metav1.PartialObjectMetadata{}
	o.SetGroupVersionKind(gv.WithKind(kind))
	return o
}
