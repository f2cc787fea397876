// SPDX-License-Identifier: Apache-2.0

package imagerepository

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"rhumb.run/rhumb/api/source/v1alpha1"
	"rhumb.run/rhumb/internal/core/image"
)

const (
	// LookAnnotation makes the controller look at the registry at once when its value changes, whatever it is.
	LookAnnotation = "rhumb.run/look"

	statusUpdated = "StatusUpdated"
	// maxNote is what an event has room for, less the sign that it was cut.
	maxNote = 1020
	// patience is how long a new object goes without any status, so that most get their first and final one in one write.
	patience   = 2 * time.Second
	firstRetry = 2 * time.Second
	lastRetry  = 2 * time.Minute
	// refusedAge is how old logins must be to be read again when a registry refuses them.
	refusedAge = time.Second
)

// Reconciler turns what polls saw into statuses.
type Reconciler struct {
	client  client.Client
	poller  Poller
	keyring *keyring
	grants  *grants
	events  events.EventRecorder
	now     func() time.Time
	base    string
	path    func(namespace, name, digest string) string

	mu      sync.Mutex
	objects map[types.NamespacedName]*object
}

// object is what is remembered of one ImageRepository; nothing is lost with it.
type object struct {
	uid     types.UID
	first   time.Time
	look    string
	retries int
	// A cache that still shows version has not seen that status was written.
	version string
	status  v1alpha1.ImageRepositoryStatus
}

// Reconcile acts for one object.
func (r *Reconciler) Reconcile(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
	var o v1alpha1.ImageRepository
	err := r.client.Get(ctx, req.NamespacedName, &o)
	if apierrors.IsNotFound(err) || (err == nil && !o.DeletionTimestamp.IsZero()) {
		r.forget(req.NamespacedName)
		return reconcile.Result{}, nil
	}
	if err != nil {
		return reconcile.Result{}, fmt.Errorf("reading image repository: %w", err)
	}
	mine := r.remember(&o)
	f, again, err := r.look(ctx, &o, mine)
	if err != nil {
		return reconcile.Result{}, err
	}
	status := report(o.Status, f, r.now())
	if f.failure == nil && f.seen.Pending() && len(o.Status.Conditions) == 0 {
		if left := patience - r.now().Sub(mine.first); left > 0 {
			return reconcile.Result{RequeueAfter: left}, nil
		}
	}
	if again, err = r.save(ctx, &o, mine, status, again); err != nil {
		return reconcile.Result{}, err
	}
	return reconcile.Result{RequeueAfter: again}, nil
}

// look gathers the facts; again is when to gather them anew if nothing wakes us, 0 for never.
func (r *Reconciler) look(ctx context.Context, o *v1alpha1.ImageRepository, mine *object) (f facts, again time.Duration, err error) {
	key := client.ObjectKeyFromObject(o)
	f = facts{generation: o.Generation, image: o.Spec.Image, url: func(digest string) (string, string) {
		path := r.path(o.Namespace, o.Name, digest)
		return r.base + "/" + path, path
	}}
	ref, err := image.Parse(o.Spec.Image)
	if err != nil {
		r.poller.Forget(key)
		f.failure = &image.Failure{Reason: image.ReasonInvalid, Detail: err.Error(), Fix: "correct spec.image"}
		return f, 0, nil
	}
	f.ref = ref
	var since time.Time
	if refused(o.Status) {
		since = r.now().Add(-refusedAge)
	}
	logins, err := r.keyring.Of(ctx, o, since)
	if failure, ok := errors.AsType[*image.Failure](err); ok {
		r.poller.Forget(key)
		f.failure = failure
		mine.retries++
		return f, min(lastRetry, firstRetry<<min(mine.retries-1, 10)), nil
	}
	if err != nil {
		return f, 0, err
	}
	mine.retries = 0
	target := image.Target{Ref: ref, Logins: logins.logins, Interval: o.Spec.Interval.Duration, Known: known(o, ref)}
	f.seen = r.poller.Watch(key, target)
	if f.seen.Failure != nil && f.seen.Failure.Reason == image.ReasonUnauthorized && !logins.read.IsZero() &&
		r.now().Sub(logins.read) > refusedAge {
		if logins, err = r.keyring.Of(ctx, o, r.now().Add(-refusedAge)); err == nil {
			target.Logins = logins.logins
			f.seen = r.poller.Watch(key, target)
		}
	}
	if mine.look != o.Annotations[LookAnnotation] {
		mine.look = o.Annotations[LookAnnotation]
		r.poller.Look(key)
	}
	if f.seen.Digest != "" {
		r.grants.give(o.UID, f.seen.Digest)
		f.trouble = r.grants.trouble(o.UID, f.seen.Digest)
	}
	return f, r.again(f.seen, logins), nil
}

// again is when Secrets are to be read again: when a registry refuses what is in them, before each poll; else now and then.
func (r *Reconciler) again(seen image.Seen, logins found) time.Duration {
	if logins.read.IsZero() {
		return 0
	}
	if seen.Failure != nil && seen.Failure.Reason == image.ReasonUnauthorized {
		return max(firstRetry, min(seen.Next.Sub(r.now()), secretsFor))
	}
	return max(firstRetry, secretsFor-r.now().Sub(logins.read))
}

// refused reports whether a status says that a registry refused the credentials.
func refused(s v1alpha1.ImageRepositoryStatus) bool {
	for _, c := range s.Conditions {
		if c.Type == v1alpha1.ReadyCondition {
			return c.Reason == v1alpha1.UnauthorizedReason
		}
	}
	return false
}

// save writes the status if it changed, and an event with it.
func (r *Reconciler) save(ctx context.Context, o *v1alpha1.ImageRepository, mine *object, status v1alpha1.ImageRepositoryStatus, again time.Duration) (time.Duration, error) {
	if equality.Semantic.DeepEqual(o.Status, status) {
		return again, nil
	}
	patch, err := patchOf(o, status)
	if err != nil {
		return 0, err
	}
	answer := &v1alpha1.ImageRepository{}
	answer.SetNamespace(o.Namespace)
	answer.SetName(o.Name)
	err = r.client.Status().Patch(ctx, answer, client.RawPatch(types.MergePatchType, patch))
	switch {
	case apierrors.IsConflict(err): // the cache is behind: it wakes us
		return firstRetry, nil
	case apierrors.IsNotFound(err):
		return 0, nil
	case err != nil:
		return 0, fmt.Errorf("writing status: %w", err)
	}
	r.mu.Lock()
	mine.version, mine.status = o.ResourceVersion, status
	r.mu.Unlock()
	r.events.Eventf(answer, nil, corev1.EventTypeNormal, statusUpdated, "Resolve", "Updated status")
	if c := newFailure(o.Status, status); c != nil {
		r.events.Eventf(answer, nil, corev1.EventTypeWarning, c.Reason, "Resolve", "%s", image.Bound(c.Message, maxNote))
	}
	return again, nil
}

// patchOf replaces the status of just this version of the object, so that a status is never made from a spec that is gone.
func patchOf(o *v1alpha1.ImageRepository, status v1alpha1.ImageRepositoryStatus) ([]byte, error) {
	fields := map[string]any{"observedGeneration": nil, "conditions": nil, "url": nil, "artifact": nil}
	raw, err := json.Marshal(status)
	if err != nil {
		return nil, fmt.Errorf("encoding status: %w", err)
	}
	if err := json.Unmarshal(raw, &fields); err != nil {
		return nil, fmt.Errorf("encoding status: %w", err)
	}
	return json.Marshal(map[string]any{
		"metadata": map[string]any{"uid": o.UID, "resourceVersion": o.ResourceVersion},
		"status":   fields,
	})
}

// remember finds what is remembered of an object, and mends a status that the cache shows from before our last write.
func (r *Reconciler) remember(o *v1alpha1.ImageRepository) *object {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := client.ObjectKeyFromObject(o)
	mine := r.objects[key]
	if mine == nil || mine.uid != o.UID {
		mine = &object{uid: o.UID, first: r.now(), look: o.Annotations[LookAnnotation]}
		r.objects[key] = mine
	}
	if mine.version == o.ResourceVersion {
		o.Status = *mine.status.DeepCopy()
	}
	return mine
}

func (r *Reconciler) forget(key types.NamespacedName) {
	r.mu.Lock()
	if mine := r.objects[key]; mine != nil {
		r.grants.take(mine.uid)
	}
	delete(r.objects, key)
	r.mu.Unlock()
	r.poller.Forget(key)
}
