// SPDX-License-Identifier: Apache-2.0

package imageclone

import (
	"context"
	"errors"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rhumb.run/rhumb/internal/core/clone"
	"rhumb.run/rhumb/internal/core/image"
)

// Logins are who we are to registries because of a policy. Errors are *image.Failures, or the API server's.
type Logins interface {
	Target(ctx context.Context, p *clone.Policy) (image.Logins, error)
	Source(ctx context.Context, p *clone.Policy, ref image.Ref) (image.Logins, error)
}

// keys complete a copy when it begins. A login that a policy names and that is not there fails the copy: another identity is
// not what was asked for.
type keys struct {
	Logins
	live client.Reader
}

// Order completes a copy.
func (k *keys) Order(ctx context.Context, c clone.Choice, user User) (clone.Job, error) {
	p := c.Policy
	j := clone.Job{
		Source: c.Origin, Target: p.Target.Pushed(c.Copy), Copying: p.Copy, Overwrite: p.Overwrite,
		Anchor: c.Origin.Pinned() || p.Refresh != clone.Never,
	}
	var err error
	if j.TargetLogins, err = k.Target(ctx, p); err != nil {
		return j, ofSide(err, false)
	}
	if j.SourceLogins, err = k.Source(ctx, p, c.Origin); err != nil {
		return j, ofSide(err, true)
	}
	if source, named := p.Source(c.Origin); named && source.PodSecrets {
		j.SourceLogins = append(j.SourceLogins, k.pods(ctx, user)...)
	}
	return j, nil
}

// ofSide says whose logins a failure is about.
func ofSide(err error, source bool) error {
	if f, ok := errors.AsType[*image.Failure](err); ok {
		return &clone.Failure{Failure: f, Source: source}
	}
	return err
}

func (k *keys) secret(ctx context.Context, namespace, name string) (*corev1.Secret, error) {
	var s corev1.Secret
	if err := k.live.Get(ctx, types.NamespacedName{Namespace: namespace, Name: name}, &s); err != nil {
		return nil, fmt.Errorf("reading Secret %s/%s: %w", namespace, name, err)
	}
	return &s, nil
}

// pods are the pull secrets of an object and its service account, as far as they can be read: what a kubelet would try.
func (k *keys) pods(ctx context.Context, user User) image.Logins {
	o := made[user.Kind]()
	if k.live.Get(ctx, user.NamespacedName, o) != nil {
		return nil
	}
	s := read(o)
	account, err := k.account(ctx, s.Object)
	if err != nil {
		account = nil // they are tried, not needed
	}
	var out image.Logins
	for _, ref := range slices.Concat(s.Spec.ImagePullSecrets, account) {
		s, err := k.secret(ctx, user.Namespace, ref.Name)
		if err != nil {
			continue
		}
		if logins, err := image.ParseSecret(s); err == nil {
			out = append(out, logins...)
		}
	}
	return out
}

// account are the pull secrets that a service account gives to pods that name none. One that may not be read, or is not
// there, gives none.
func (k *keys) account(ctx context.Context, o clone.Object) ([]corev1.LocalObjectReference, error) {
	var sa corev1.ServiceAccount
	err := k.live.Get(ctx, types.NamespacedName{Namespace: o.Namespace, Name: o.Account()}, &sa)
	if apierrors.IsNotFound(err) || apierrors.IsForbidden(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading ServiceAccount %s/%s: %w", o.Namespace, o.Account(), err)
	}
	return sa.ImagePullSecrets, nil
}
