// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"bytes"
	"context"
	"fmt"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
)

// mutations sees the one configuration by which we are asked about pods.
func mutations(clients kubernetes.Interface, name string) cache.SharedIndexInformer {
	return informers.NewSharedInformerFactoryWithOptions(clients, 0, named(name)).
		Admissionregistration().V1().MutatingWebhookConfigurations().Informer()
}

// mutation is nil if there is none: then nobody asks us about pods.
func (s *sight) mutation() *admissionregistrationv1.MutatingWebhookConfiguration {
	if s.mutations == nil {
		return nil
	}
	for _, o := range s.mutations.List() {
		return o.(*admissionregistrationv1.MutatingWebhookConfiguration)
	}
	return nil
}

func differsMutating(c *admissionregistrationv1.MutatingWebhookConfiguration, bundle []byte) bool {
	for i := range c.Webhooks {
		if !bytes.Equal(c.Webhooks[i].ClientConfig.CABundle, bundle) {
			return true
		}
	}
	return false
}

// announceMutating tells the API server whom to believe about pods.
func (k *Keeper) announceMutating(ctx context.Context, c *admissionregistrationv1.MutatingWebhookConfiguration, bundle []byte) error {
	if c == nil || !differsMutating(c, bundle) {
		return nil
	}
	next := c.DeepCopy()
	for i := range next.Webhooks {
		next.Webhooks[i].ClientConfig.CABundle = bundle
	}
	_, err := k.Clients.AdmissionregistrationV1().MutatingWebhookConfigurations().
		Update(ctx, next, metav1.UpdateOptions{FieldManager: "rhumb"})
	if apierrors.IsConflict(err) || apierrors.IsNotFound(err) {
		return nil // it changed meanwhile: that wakes us
	}
	if err != nil {
		return fmt.Errorf("writing the CA into the MutatingWebhookConfiguration [%s]: %w", k.Mutating, err)
	}
	return nil
}
