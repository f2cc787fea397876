// SPDX-License-Identifier: Apache-2.0

package imageclone

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
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
	spec := read(o).Spec
	names := spec.ImagePullSecrets
	account := spec.ServiceAccountName
	if account == "" {
		account = "default"
	}
	var sa corev1.ServiceAccount
	if k.live.Get(ctx, types.NamespacedName{Namespace: user.Namespace, Name: account}, &sa) == nil {
		names = append(names, sa.ImagePullSecrets...)
	}
	var out image.Logins
	for _, ref := range names {
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
