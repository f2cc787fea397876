// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/uuid"
	applyv1 "k8s.io/client-go/applyconfigurations/core/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/utils/clock"
)

// Keeper keeps a certificate of our own making: in a Secret that all replicas
// share, shown by the server, believed by the API server.
type Keeper struct {
	Clients kubernetes.Interface
	// Namespace and Secret say where it is kept.
	Namespace, Secret string
	// Configuration is the ValidatingWebhookConfiguration that names us.
	Configuration string
	// Mutating is the MutatingWebhookConfiguration that names us; empty if none does.
	Mutating string
	// Names by which the API server calls us.
	Names []string
	Clock clock.Clock
	Log   logr.Logger

	shown atomic.Pointer[tls.Certificate]
}

// NeedLeaderElection is false: every replica shows the certificate.
func (*Keeper) NeedLeaderElection() bool { return false }

// Certificate is what to show now.
func (k *Keeper) Certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	if c := k.shown.Load(); c != nil {
		return c, nil
	}
	return nil, errors.New("no certificate yet")
}

const (
	// soon is when to try again what did not work, or what somebody else has to do first.
	soon = time.Minute
	// hiccup is when to try again what failed for the first times.
	hiccup = 2 * time.Second
)

// Start keeps the certificate until ctx ends. It looks when the Secret or the
// configuration changes, and when the next step is due: between those it asks
// nobody anything.
func (k *Keeper) Start(ctx context.Context) error {
	seen, err := k.watch(ctx)
	if err != nil {
		return err
	}
	failures := 0
	for {
		again, err := k.keep(ctx, seen)
		wait := max(again.Sub(k.Clock.Now()), soon)
		if err != nil && ctx.Err() == nil {
			failures++
			wait = min(time.Duration(failures)*hiccup, soon)
			k.Log.Error(err, "keeping the webhook's certificate")
		} else {
			failures = 0
		}
		timer := k.Clock.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-seen.changed:
		case <-timer.C():
		}
		timer.Stop()
	}
}

// keep takes the step that is due.
func (k *Keeper) keep(ctx context.Context, seen *sight) (again time.Time, err error) {
	now := k.Clock.Now()
	secret := seen.secret()
	have := stored{}
	if secret != nil {
		have = fromData(secret.Data)
	}
	want, again, err := step(have, k.Names, seen.believes(have.bundle), now)
	if err != nil {
		return now, err
	}
	if secret == nil || !want.equal(have) {
		want, err = k.write(ctx, secret, want)
		if apierrors.IsConflict(err) {
			return again, nil // another replica was quicker: its word counts, and wakes us
		}
		if err != nil {
			return now, fmt.Errorf("writing the Secret [%s/%s]: %w", k.Namespace, k.Secret, err)
		}
	}
	if err := k.show(want); err != nil {
		return now, err
	}
	return again, errors.Join(
		k.announce(ctx, seen.configuration(), want.bundle), k.announceMutating(ctx, seen.mutation(), want.bundle))
}

// write stores what is wanted, unless it changed meanwhile: that is a conflict.
func (k *Keeper) write(ctx context.Context, secret *corev1.Secret, want stored) (stored, error) {
	secrets := k.Clients.CoreV1().Secrets(k.Namespace)
	var err error
	var written *corev1.Secret
	if secret == nil {
		// Applied, not created: a right to create can name one object only if the request does. Under a
		// name of its own each replica's first word conflicts with another's, and does not replace it.
		manager := "rhumb-webhook-" + string(uuid.NewUUID())
		written, err = secrets.Apply(ctx, applyv1.Secret(k.Secret, k.Namespace).
			WithLabels(map[string]string{"app.kubernetes.io/name": "rhumb"}).
			WithType(corev1.SecretTypeTLS).WithData(want.data()), metav1.ApplyOptions{FieldManager: manager})
	} else {
		next := secret.DeepCopy()
		next.Data = want.data()
		written, err = secrets.Update(ctx, next, metav1.UpdateOptions{FieldManager: "rhumb"})
	}
	if err != nil {
		return stored{}, err
	}
	return fromData(written.Data), nil
}

// show lets the server show the current pair.
func (k *Keeper) show(s stored) error {
	c, err := tls.X509KeyPair(s.current.cert, s.current.key)
	if err != nil {
		return fmt.Errorf("reading the certificate of the Secret [%s/%s]: %w", k.Namespace, k.Secret, err)
	}
	if leaf := certificates(s.current.cert); len(leaf) > 0 {
		expires.Set(float64(leaf[0].NotAfter.Unix()))
	}
	k.shown.Store(&c)
	return nil
}
