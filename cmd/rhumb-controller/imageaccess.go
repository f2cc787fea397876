// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rhumb.run/rhumb/internal/core/clone"
	"rhumb.run/rhumb/internal/core/image"
	"rhumb.run/rhumb/internal/registry"
)

// access finds the logins of policies: in Secrets of our own namespace, which
// are read one by one when they are needed, and in the environment.
type access struct {
	live      client.Reader
	namespace string
	// env are the logins of the policy that the environment describes.
	env image.Logins

	mu   sync.Mutex
	read map[string]secretRead
}

type secretRead struct {
	secret *corev1.Secret
	at     time.Time
}

// secretsFor is how long what a Secret said is believed.
const secretsFor = time.Minute

func newAccess(live client.Reader, namespace string, env image.Logins) *access {
	return &access{live: live, namespace: namespace, env: env, read: map[string]secretRead{}}
}

// Target are the logins for a policy's target.
func (a *access) Target(ctx context.Context, p *clone.Policy) (image.Logins, error) {
	if p.Name == clone.EnvName {
		return a.env, nil
	}
	secret, err := a.secret(ctx, p.Push)
	if secret == nil {
		return nil, err
	}
	return p.PushLogins(secret)
}

// Source are the logins for the registry of an image, as far as a policy has some.
func (a *access) Source(ctx context.Context, p *clone.Policy, ref image.Ref) (image.Logins, error) {
	of, ok := p.Source(ref)
	if !ok {
		return nil, nil
	}
	secret, err := a.secret(ctx, of)
	if secret == nil {
		return nil, err
	}
	return of.Logins(secret)
}

// secret is nil if an access names none.
func (a *access) secret(ctx context.Context, of clone.Access) (*corev1.Secret, error) {
	if of.Secret == "" {
		return nil, nil
	}
	a.mu.Lock()
	had, ok := a.read[of.Secret]
	a.mu.Unlock()
	if ok && time.Since(had.at) < secretsFor {
		return had.secret, nil
	}
	secret := &corev1.Secret{}
	err := a.live.Get(ctx, types.NamespacedName{Namespace: a.namespace, Name: of.Secret}, secret)
	if apierrors.IsNotFound(err) {
		return nil, of.NoSecret(a.namespace, of.Secret)
	}
	if err != nil {
		return nil, fmt.Errorf("reading Secret %s/%s: %w", a.namespace, of.Secret, err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.read[of.Secret] = secretRead{secret, time.Now()}
	return secret, nil
}

// Forget lets every Secret be read anew: one of them changed, or was refused.
func (a *access) Forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	clear(a.read)
}

// questions ask registries about copies and their originals, for pods that wait.
type questions struct {
	client *registry.Client
	access *access
}

// Copy asks the target for a copy by its digest.
func (l questions) Copy(ctx context.Context, c clone.Choice, digest string) error {
	logins, err := l.access.Target(ctx, c.Policy)
	if err != nil {
		return err
	}
	_, err = l.client.ResolveOrigin(ctx, c.Policy.Target.Pushed(c.Copy).At(digest), logins)
	return err
}

// Origin asks an image's own registry for it.
func (l questions) Origin(ctx context.Context, c clone.Choice) error {
	logins, err := l.access.Source(ctx, c.Policy, c.Origin)
	if err != nil {
		return err
	}
	_, err = l.client.Resolve(ctx, c.Origin, logins)
	return err
}
