// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"bytes"
	"context"
	"fmt"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/tools/cache"
)

// sight is what is seen of the objects, each watched by its name alone:
// the rights to them are no wider.
type sight struct {
	changed                            chan struct{}
	secrets, configurations, mutations cache.Store
}

// named sees one object alone.
func named(name string) informers.SharedInformerOption {
	return informers.WithTweakListOptions(func(o *metav1.ListOptions) {
		o.FieldSelector = fields.OneTermEqualSelector(metav1.ObjectNameField, name).String()
	})
}

func (k *Keeper) watch(ctx context.Context) (*sight, error) {
	s := &sight{changed: make(chan struct{}, 1)}
	secret := informers.NewSharedInformerFactoryWithOptions(k.Clients, 0, informers.WithNamespace(k.Namespace), named(k.Secret)).
		Core().V1().Secrets().Informer()
	configuration := informers.NewSharedInformerFactoryWithOptions(k.Clients, 0, named(k.Configuration)).
		Admissionregistration().V1().ValidatingWebhookConfigurations().Informer()
	s.secrets, s.configurations = secret.GetStore(), configuration.GetStore()
	wake := func(any) {
		select {
		case s.changed <- struct{}{}:
		default: // it is about to look
		}
	}
	all := []cache.SharedIndexInformer{secret, configuration}
	if k.Mutating != "" {
		mutation := mutations(k.Clients, k.Mutating)
		s.mutations = mutation.GetStore()
		all = append(all, mutation)
	}
	synced := make([]cache.InformerSynced, 0, len(all))
	for _, informer := range all {
		_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
			AddFunc: wake, UpdateFunc: func(_, now any) { wake(now) }, DeleteFunc: wake,
		})
		if err != nil {
			return nil, fmt.Errorf("watching the webhook's certificate: %w", err)
		}
		go informer.RunWithContext(ctx)
		synced = append(synced, informer.HasSynced)
	}
	// Only ctx ends the wait: until all are seen nothing may be written.
	cache.WaitForCacheSync(ctx.Done(), synced...)
	return s, nil
}

// secret is nil if there is none.
func (s *sight) secret() *corev1.Secret {
	for _, o := range s.secrets.List() {
		return o.(*corev1.Secret)
	}
	return nil
}

// configuration is nil if there is none: then nobody asks us.
func (s *sight) configuration() *admissionregistrationv1.ValidatingWebhookConfiguration {
	for _, o := range s.configurations.List() {
		return o.(*admissionregistrationv1.ValidatingWebhookConfiguration)
	}
	return nil
}

// believes tells whether whoever asks us has the whole bundle.
func (s *sight) believes(bundle []byte) bool {
	c, m := s.configuration(), s.mutation()
	return (c == nil || !differs(c, bundle)) && (m == nil || !differsMutating(m, bundle))
}

func differs(c *admissionregistrationv1.ValidatingWebhookConfiguration, bundle []byte) bool {
	for i := range c.Webhooks {
		if !bytes.Equal(c.Webhooks[i].ClientConfig.CABundle, bundle) {
			return true
		}
	}
	return false
}

// foreignInjection is how cert-manager is told to put its CA there. Cartographer's
// installation asked for it; ours would be overwritten.
const foreignInjection = "cert-manager.io/inject-ca-from"

// announce tells the API server whom to believe.
func (k *Keeper) announce(ctx context.Context, c *admissionregistrationv1.ValidatingWebhookConfiguration, bundle []byte) error {
	if c == nil {
		return nil
	}
	if _, foreign := c.Annotations[foreignInjection]; !foreign && !differs(c, bundle) {
		return nil
	}
	next := c.DeepCopy()
	delete(next.Annotations, foreignInjection)
	for i := range next.Webhooks {
		next.Webhooks[i].ClientConfig.CABundle = bundle
	}
	_, err := k.Clients.AdmissionregistrationV1().ValidatingWebhookConfigurations().
		Update(ctx, next, metav1.UpdateOptions{FieldManager: "rhumb"})
	if apierrors.IsConflict(err) || apierrors.IsNotFound(err) {
		return nil // it changed meanwhile: that wakes us
	}
	if err != nil {
		return fmt.Errorf("writing the CA into the ValidatingWebhookConfiguration [%s]: %w", k.Configuration, err)
	}
	return nil
}
