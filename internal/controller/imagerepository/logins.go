// SPDX-License-Identifier: Apache-2.0

package imagerepository

import (
	"context"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rhumb.run/rhumb/api/source/v1alpha1"
	"rhumb.run/rhumb/internal/core/image"
)

const (
	// secretsFor is how long what a Secret said is believed while nobody is refused for it.
	secretsFor     = 10 * time.Minute
	defaultAccount = "default"
)

// keyring reads pull secrets when they are needed. Secrets are read by GET, one at a time, and not kept: what stays is the
// logins in them, for all objects that name the same. Service accounts are known from a watch of their metadata, so that one
// is read again only when it has changed.
type keyring struct {
	live   client.Reader // asks the API server
	cached client.Reader // asks the watch
	now    func() time.Time

	mu       sync.Mutex
	secrets  map[types.NamespacedName]secretLogins
	accounts map[types.NamespacedName]accountSecrets
	swept    time.Time
}

type secretLogins struct {
	logins image.Logins
	read   time.Time
}

type accountSecrets struct {
	version string
	names   []string
}

func newKeyring(live, cached client.Reader, now func() time.Time) *keyring {
	return &keyring{
		live: live, cached: cached, now: now,
		secrets: map[types.NamespacedName]secretLogins{}, accounts: map[types.NamespacedName]accountSecrets{},
	}
}

// found are the logins of one object, and when the oldest of them was read; zero if no Secret is involved.
type found struct {
	logins image.Logins
	read   time.Time
}

// Of reads the logins of an object: those of its own pull secrets first, which must be there, then those of its service
// account's, which need not, as for the kubelet. What was read before since is read again. The error is an *image.Failure,
// or one of the API server's.
func (k *keyring) Of(ctx context.Context, o *v1alpha1.ImageRepository, since time.Time) (found, error) {
	var out found
	for _, ref := range o.Spec.ImagePullSecrets {
		s, err := k.secret(ctx, types.NamespacedName{Namespace: o.Namespace, Name: ref.Name}, since)
		if err != nil {
			return found{}, err
		}
		out.add(s)
	}
	names, err := k.account(ctx, o)
	if err != nil {
		return found{}, err
	}
	for _, name := range names {
		s, err := k.secret(ctx, types.NamespacedName{Namespace: o.Namespace, Name: name}, since)
		if f, ok := err.(*image.Failure); ok && (f.Reason == image.ReasonSecretNotFound || f.Reason == image.ReasonSecretInvalid) { //nolint:errorlint // made below, not wrapped
			s, err = secretLogins{read: k.now()}, nil
		}
		if err != nil {
			return found{}, err
		}
		out.add(s)
	}
	return out, nil
}

func (f *found) add(s secretLogins) {
	f.logins = append(f.logins, s.logins...)
	if f.read.IsZero() || s.read.Before(f.read) {
		f.read = s.read
	}
}

func (k *keyring) secret(ctx context.Context, key types.NamespacedName, since time.Time) (secretLogins, error) {
	now := k.now()
	k.mu.Lock()
	k.sweep(now)
	s, ok := k.secrets[key]
	k.mu.Unlock()
	if ok && s.read.After(since) && now.Sub(s.read) < secretsFor {
		return s, nil
	}
	var secret corev1.Secret
	err := k.live.Get(ctx, key, &secret)
	if apierrors.IsNotFound(err) {
		return s, &image.Failure{
			Reason: image.ReasonSecretNotFound, Detail: fmt.Sprintf("Secret %q is not there", key.Name),
			Fix: "create it, or take it out of spec.imagePullSecrets",
		}
	}
	if err != nil {
		return s, fmt.Errorf("reading Secret %s: %w", key, err)
	}
	logins, err := image.ParseSecret(&secret)
	if err != nil {
		return s, &image.Failure{Reason: image.ReasonSecretInvalid, Detail: fmt.Sprintf("Secret %q cannot be used: %v", key.Name, err)}
	}
	s = secretLogins{logins: logins, read: now}
	k.mu.Lock()
	k.secrets[key] = s
	k.mu.Unlock()
	return s, nil
}

// account is the names of a service account's pull secrets. The account that nobody named need not be there.
func (k *keyring) account(ctx context.Context, o *v1alpha1.ImageRepository) ([]string, error) {
	key := types.NamespacedName{Namespace: o.Namespace, Name: accountOf(o)}
	seen := &metav1.PartialObjectMetadata{}
	seen.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("ServiceAccount"))
	err := k.cached.Get(ctx, key, seen)
	if apierrors.IsNotFound(err) {
		k.mu.Lock()
		delete(k.accounts, key)
		k.mu.Unlock()
		if key.Name == defaultAccount {
			return nil, nil
		}
		return nil, &image.Failure{
			Reason: image.ReasonAccountNotFound, Detail: fmt.Sprintf("ServiceAccount %q is not there", key.Name),
			Fix: "create it, or correct spec.serviceAccountName",
		}
	}
	if err != nil {
		return nil, fmt.Errorf("looking up ServiceAccount %s: %w", key, err)
	}
	k.mu.Lock()
	a, ok := k.accounts[key]
	k.mu.Unlock()
	if ok && a.version == seen.ResourceVersion {
		return a.names, nil
	}
	var live corev1.ServiceAccount
	if err := k.live.Get(ctx, key, &live); err != nil {
		return nil, fmt.Errorf("reading ServiceAccount %s: %w", key, err)
	}
	a = accountSecrets{version: live.ResourceVersion}
	for _, ref := range live.ImagePullSecrets {
		a.names = append(a.names, ref.Name)
	}
	k.mu.Lock()
	k.accounts[key] = a
	k.mu.Unlock()
	return a.names, nil
}

// sweep drops what nobody has asked for in a while; the lock is held.
func (k *keyring) sweep(now time.Time) {
	if now.Sub(k.swept) < secretsFor {
		return
	}
	k.swept = now
	for key, s := range k.secrets {
		if now.Sub(s.read) > 2*secretsFor {
			delete(k.secrets, key)
		}
	}
}

func accountOf(o *v1alpha1.ImageRepository) string {
	if o.Spec.ServiceAccountName == "" {
		return defaultAccount
	}
	return o.Spec.ServiceAccountName
}
