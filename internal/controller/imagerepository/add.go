// SPDX-License-Identifier: Apache-2.0

package imagerepository

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"rhumb.run/rhumb/api/source/v1alpha1"
	"rhumb.run/rhumb/internal/core/image"
	"rhumb.run/rhumb/internal/loop"
)

// Poller watches images, once for all who want the same.
type Poller interface {
	// Watch says what an object watches from now on, and returns what is known of it.
	Watch(owner types.NamespacedName, t image.Target) image.Seen
	// Forget ends an object's watch; Look hastens its next poll.
	Forget(owner types.NamespacedName)
	Look(owner types.NamespacedName)
	// OnChange calls f for each object whose image is seen differently than before.
	OnChange(f func(owner types.NamespacedName))
}

// Registry is asked on behalf of who fetches artifacts.
type Registry interface {
	// Resolve says what digest a reference has; the error is an *image.Failure.
	Resolve(ctx context.Context, ref image.Ref, logins image.Logins) (string, error)
	// Export writes the file tree of one digest as a tar.gz; the error is an *image.Failure, unless w failed.
	Export(ctx context.Context, ref image.Ref, logins image.Logins, w io.Writer) error
}

// Options are what the controller is made of.
type Options struct {
	Poller   Poller
	Registry Registry
	// Nudge hastens the polls of what may have been pushed to.
	Nudge func(pushed ...image.Pushed)
	// ArtifactURL is where others reach the artifact server: http://host[:port]
	ArtifactURL string
	// Path is where that server has the tarball of a digest.
	Path func(namespace, name, digest string) string
	// Concurrency is how many objects are acted for at once; 4 if zero.
	Concurrency int
}

// Indexes of the cache.
const (
	byAccount    = "spec.serviceAccountName"
	byRepository = "repository"
)

// Add puts the controller into a manager. What it returns is what an artifact server asks.
func Add(ctx context.Context, mgr manager.Manager, o Options) (*Catalog, error) {
	if u, err := url.Parse(o.ArtifactURL); err != nil || u.Scheme == "" || u.Host == "" {
		return nil, fmt.Errorf("making the image repository controller: artifact address %q is no URL", o.ArtifactURL)
	}
	if o.Poller == nil || o.Registry == nil || o.Nudge == nil || o.Path == nil {
		return nil, errors.New("making the image repository controller: a part is missing")
	}
	c := &Catalog{
		client: mgr.GetClient(), registry: o.Registry, nudge: o.Nudge, elected: mgr.Elected(), now: time.Now,
		keyring: newKeyring(mgr.GetAPIReader(), mgr.GetClient(), time.Now), grants: newGrants(), wake: func(types.NamespacedName) {},
	}
	r := &Reconciler{
		client: mgr.GetClient(), poller: o.Poller, keyring: c.keyring, grants: c.grants,
		events: mgr.GetEventRecorder("ImageRepository"), now: time.Now, base: strings.TrimRight(o.ArtifactURL, "/"), path: o.Path,
		objects: map[types.NamespacedName]*object{},
	}
	if err := index(ctx, mgr); err != nil {
		return nil, fmt.Errorf("indexing image repositories: %w", err)
	}
	if o.Concurrency == 0 {
		o.Concurrency = 4
	}
	woken := &waker{}
	o.Poller.OnChange(woken.wake)
	c.wake = woken.wake
	account := &metav1.PartialObjectMetadata{}
	account.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("ServiceAccount"))
	err := builder.ControllerManagedBy(mgr).
		Named("imagerepository").
		For(&v1alpha1.ImageRepository{}, builder.WithPredicates(predicate.Or(
			predicate.GenerationChangedPredicate{}, predicate.AnnotationChangedPredicate{}))).
		WatchesMetadata(account, handler.EnqueueRequestsFromMapFunc(r.usersOf), builder.WithPredicates(predicate.ResourceVersionChangedPredicate{})).
		WatchesRawSource(source.Func(woken.start)).
		WithOptions(controller.Options{MaxConcurrentReconciles: o.Concurrency, RateLimiter: loop.Limiter()}).
		Complete(r)
	if err != nil {
		return nil, fmt.Errorf("making the image repository controller: %w", err)
	}
	return c, nil
}

// index lets the cache answer who uses a service account, and who watches an image of a repository.
func index(ctx context.Context, mgr manager.Manager) error {
	by := func(field string, value func(*v1alpha1.ImageRepository) string) error {
		return mgr.GetFieldIndexer().IndexField(ctx, &v1alpha1.ImageRepository{}, field, func(x client.Object) []string {
			return []string{value(x.(*v1alpha1.ImageRepository))}
		})
	}
	return errors.Join(by(byAccount, accountOf), by(byRepository, func(o *v1alpha1.ImageRepository) string {
		ref, err := image.Parse(o.Spec.Image)
		if err != nil {
			return ""
		}
		return ref.Repository
	}))
}
