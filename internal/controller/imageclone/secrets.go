// SPDX-License-Identifier: Apache-2.0

package imageclone

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/manager"
)

// secrets notices that a Secret of our own namespace is another. What it holds is not asked for, and nobody waits for it: where
// it may not be watched, a Secret that was mended counts when a copy is tried again.
type secrets struct {
	client    metadata.Interface
	namespace string
	changed   func(name string)
	log       logr.Logger
	refused   atomic.Bool
}

func newSecrets(mgr manager.Manager, namespace string, changed func(string), log logr.Logger) (*secrets, error) {
	c, err := metadata.NewForConfigAndClient(mgr.GetConfig(), mgr.GetHTTPClient())
	if err != nil {
		return nil, fmt.Errorf("making a client: %w", err)
	}
	return &secrets{client: c, namespace: namespace, changed: changed, log: log}, nil
}

// Start watches until ctx ends.
func (s *secrets) Start(ctx context.Context) error {
	informer := metadatainformer.NewFilteredMetadataInformer(s.client, corev1.SchemeGroupVersion.WithResource("secrets"), s.namespace, 0, nil, nil).Informer()
	if err := informer.SetTransform(bare); err != nil {
		return fmt.Errorf("watching Secrets: %w", err)
	}
	if err := informer.SetWatchErrorHandlerWithContext(s.fail); err != nil {
		return fmt.Errorf("watching Secrets: %w", err)
	}
	if _, err := informer.AddEventHandler(cache.ResourceEventHandlerDetailedFuncs{
		AddFunc: func(o any, first bool) {
			if !first { // nobody has read it before
				s.tell(o)
			}
		},
		UpdateFunc: func(before, now any) {
			if version(before) != version(now) {
				s.tell(now)
			}
		},
		DeleteFunc: s.tell,
	}); err != nil {
		return fmt.Errorf("watching Secrets: %w", err)
	}
	informer.RunWithContext(ctx)
	return nil
}

// bare leaves nothing but the name and the version: annotations of kubectl hold what the Secret does.
func bare(o any) (any, error) {
	m, ok := o.(*metav1.PartialObjectMetadata)
	if !ok {
		return o, nil
	}
	return &metav1.PartialObjectMetadata{TypeMeta: m.TypeMeta, ObjectMeta: metav1.ObjectMeta{
		Name: m.Name, Namespace: m.Namespace, UID: m.UID, ResourceVersion: m.ResourceVersion,
	}}, nil
}

func (s *secrets) fail(ctx context.Context, _ *cache.Reflector, err error) {
	if ctx.Err() == nil && s.refused.CompareAndSwap(false, true) { // it is tried again without end: once is enough
		s.log.Info("Secrets cannot be watched: one that is mended counts when a copy is tried again", "namespace", s.namespace, "error", err.Error())
	}
}

func (s *secrets) tell(o any) {
	if gone, ok := o.(cache.DeletedFinalStateUnknown); ok {
		o = gone.Obj
	}
	if m, ok := o.(*metav1.PartialObjectMetadata); ok {
		s.changed(m.Name)
	}
}

func version(o any) string {
	if m, ok := o.(*metav1.PartialObjectMetadata); ok {
		return m.ResourceVersion
	}
	return ""
}
