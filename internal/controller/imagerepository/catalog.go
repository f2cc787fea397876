// SPDX-License-Identifier: Apache-2.0

package imagerepository

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"rhumb.run/rhumb/api/source/v1alpha1"
	"rhumb.run/rhumb/internal/core/image"
)

// maxNotes bounds the objects that one hook may make us write to, where another replica polls.
const maxNotes = 50

// Catalog answers an artifact server, on each replica: what may be served, and who is to look at a registry.
type Catalog struct {
	client   client.Client
	registry Registry
	keyring  *keyring
	grants   *grants
	nudge    func(...image.Pushed)
	elected  <-chan struct{}
	wake     func(types.NamespacedName)
	now      func() time.Time
}

// Tree returns how the tarball of a digest is made. An object hands out what its image's repository holds, as its own
// credentials show: the newest digest, and older ones for as long as they are in the registry or in a cache.
func (c *Catalog) Tree(ctx context.Context, namespace, name, digest string) (func(context.Context, io.Writer) error, error) {
	var o v1alpha1.ImageRepository
	key := types.NamespacedName{Namespace: namespace, Name: name}
	err := c.client.Get(ctx, key, &o)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading image repository: %w", err)
	}
	ref, err := image.Parse(o.Spec.Image)
	if err != nil {
		return nil, nil //nolint:nilerr // an object that names no image hands out nothing
	}
	ref = ref.At(digest)
	if !c.grants.has(o.UID, digest) {
		if err := c.ask(ctx, &o, ref); err != nil {
			return nil, err
		}
		c.grants.give(o.UID, digest)
	}
	return func(ctx context.Context, w io.Writer) error {
		logins, err := c.keyring.Of(ctx, &o, time.Time{})
		if err == nil {
			err = c.registry.Export(ctx, ref, logins.logins, w)
		}
		c.made(key, o.UID, digest, err)
		return err
	}, nil
}

// ask shows that the registry gives this digest to this object.
func (c *Catalog) ask(ctx context.Context, o *v1alpha1.ImageRepository, ref image.Ref) error {
	if !c.grants.mayAsk(o.UID) {
		return &image.Failure{Reason: image.ReasonThrottled, Detail: "too many digests were asked for", After: time.Second}
	}
	logins, err := c.keyring.Of(ctx, o, time.Time{})
	if err != nil {
		return err
	}
	_, err = c.registry.Resolve(ctx, ref, logins.logins)
	return err
}

// made tells the object if its image is at fault, or no longer.
func (c *Catalog) made(key types.NamespacedName, uid types.UID, digest string, err error) {
	var f *image.Failure
	if errors.As(err, &f) && !f.Permanent() {
		return
	}
	if (err == nil || f != nil) && c.grants.note(uid, digest, f) {
		c.wake(key)
	}
}

// Heard hastens the polls of what may have been pushed to. The replica that polls does so at once; another leaves a note on
// the objects, which the one that polls reads.
func (c *Catalog) Heard(ctx context.Context, pushed []image.Pushed) {
	select {
	case <-c.elected:
		c.nudge(pushed...)
	default:
		if err := c.leaveNotes(ctx, pushed); err != nil {
			logf.FromContext(ctx).Error(err, "notification of a registry not passed on")
		}
	}
}

// leaveNotes annotates one object of each namespace that watches an image, since they share the poll.
func (c *Catalog) leaveNotes(ctx context.Context, pushed []image.Pushed) error {
	done := map[string]bool{}
	for _, p := range pushed[:min(len(pushed), maxNotes)] {
		if p.Repository == "" {
			continue
		}
		var list v1alpha1.ImageRepositoryList
		if err := c.client.List(ctx, &list, client.MatchingFields{byRepository: p.Repository}, client.UnsafeDisableDeepCopy); err != nil {
			return fmt.Errorf("listing image repositories: %w", err)
		}
		for i := range list.Items {
			o := &list.Items[i]
			ref, err := image.Parse(o.Spec.Image)
			id := o.Namespace + " " + o.Spec.Image
			if err != nil || done[id] || len(done) >= maxNotes || !p.Matches(ref, anyHost) || !c.grants.mayAsk(o.UID) {
				continue
			}
			done[id] = true
			if err := c.leaveNote(ctx, client.ObjectKeyFromObject(o)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *Catalog) leaveNote(ctx context.Context, key types.NamespacedName) error {
	note, err := json.Marshal(map[string]any{"metadata": map[string]any{
		"annotations": map[string]string{LookAnnotation: c.now().UTC().Format(time.RFC3339Nano)},
	}})
	if err != nil {
		return fmt.Errorf("writing a note: %w", err)
	}
	o := &v1alpha1.ImageRepository{}
	o.SetNamespace(key.Namespace)
	o.SetName(key.Name)
	err = c.client.Patch(ctx, o, client.RawPatch(types.MergePatchType, note))
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("leaving a note on image repository %s: %w", key, err)
	}
	return nil
}

// anyHost leaves it to the replica that polls to know which host is which.
func anyHost(string, string) bool { return true }
