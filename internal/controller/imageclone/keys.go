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
	objects client.Reader // from memory
	live    client.Reader
	// see reads an object as policies choose by it, and wants are the copies that it wants.
	see   func(ctx context.Context, o client.Object) (state, error)
	wants func(s state) []clone.Choice
}

// mostSecrets bounds the pull secrets of pods that one copy reads: an image may have users without number.
const mostSecrets = 20

// Order completes a copy.
func (k *keys) Order(ctx context.Context, c clone.Choice, users []User) (clone.Job, error) {
	p := c.Policy
	j := clone.Job{
		Source: c.Origin, Target: p.Target.Pushed(c.Copy), Copying: p.Copy, Overwrite: p.Overwrite,
		Anchor: c.Origin.Pinned() || p.Refresh != clone.Never, CreateRepository: p.CreateRepositories,
	}
	var tried clone.Tried
	var err error
	if j.TargetLogins, err = k.Target(ctx, p); err != nil {
		return j, ofSide(err, false)
	}
	if tried.Named, err = k.Source(ctx, p, c.Origin); err != nil {
		return j, ofSide(err, true)
	}
	if source, named := p.Source(c.Origin); named && source.PodSecrets {
		tried.Pods, tried.Unread = k.pods(ctx, c, users)
	}
	j.SourceLogins, j.Advice = tried.Logins(c.Origin), tried.Advice(p, c.Origin)
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

// pods are the pull secrets of objects and of their service accounts, as far as they can be read: what a kubelet would try.
// Unread says that we may not.
func (k *keys) pods(ctx context.Context, c clone.Choice, users []User) (out image.Logins, unread bool) {
	for i, of := range k.pullSecrets(ctx, c, users) {
		if i == mostSecrets {
			break
		}
		s, err := k.secret(ctx, of.Namespace, of.Name)
		if err != nil {
			unread = unread || apierrors.IsForbidden(err)
			continue // they are tried, not needed
		}
		if logins, err := image.ParseSecret(s); err == nil {
			out = append(out, logins...)
		}
	}
	return out, unread
}

// pullSecrets are those that objects name, and then those of their service accounts, each once. Only objects count whose image
// this policy decides about: another one may have the same copy made, and not want its pods' secrets to be read.
func (k *keys) pullSecrets(ctx context.Context, c clone.Choice, users []User) []types.NamespacedName {
	var own, given []types.NamespacedName
	asked := map[types.NamespacedName]bool{}
	for _, user := range users {
		o := made[user.Kind]()
		if k.objects.Get(ctx, user.NamespacedName, o) != nil {
			continue
		}
		s, err := k.see(ctx, o)
		if err != nil || !slices.ContainsFunc(k.wants(s), func(w clone.Choice) bool { return KeyOf(w) == KeyOf(c) && w.Policy.Name == c.Policy.Name }) {
			continue
		}
		own = append(own, among(user.Namespace, s.Spec.ImagePullSecrets)...)
		account := types.NamespacedName{Namespace: user.Namespace, Name: s.Account()}
		if asked[account] || len(asked) == mostSecrets {
			continue
		}
		asked[account] = true
		if refs, err := k.account(ctx, s.Object); err == nil {
			given = append(given, among(user.Namespace, refs)...)
		}
	}
	seen := map[types.NamespacedName]bool{}
	return slices.DeleteFunc(append(own, given...), func(n types.NamespacedName) bool {
		was := seen[n]
		seen[n] = true
		return was
	})
}

func among(namespace string, refs []corev1.LocalObjectReference) []types.NamespacedName {
	out := make([]types.NamespacedName, 0, len(refs))
	for _, ref := range refs {
		out = append(out, types.NamespacedName{Namespace: namespace, Name: ref.Name})
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
