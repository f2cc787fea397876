// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/singleflight"

	"rhumb.run/rhumb/internal/core/image"
)

// Job is one image to copy.
type Job struct {
	Source, Target             image.Ref
	SourceLogins, TargetLogins image.Logins
	// Replace says whether the target's tag may be moved away from a digest that it has; nil is always.
	Replace func(digest string) bool
	// Progress, if set, is told each time something has moved; it must not block.
	Progress func(Progress)
}

// Progress is how far a copy is: bytes, and blobs that are there by now, of those that are to be. Totals grow while
// manifests are read.
type Progress struct {
	Sent, Mounted, Skipped, Total int64
	Blobs, AllBlobs               int64
}

// Copied is what became of a job.
type Copied struct {
	Digest string
	// Already is set where the target had it, which costs one HEAD on either side.
	Already bool
	Progress
}

// CopyFailure is why an image could not be copied: what one of the two registries said.
type CopyFailure struct {
	*image.Failure
	// Source is set where it was the source's.
	Source bool
}

// Copier copies images from one registry to another, whole: every platform, under the same digest. One image, and one
// blob, is on its way once, whoever asks. Blobs are streamed; nothing of them is kept.
type Copier struct {
	Client *Client
	// Blobs is how many of an image are on their way at once; 4 if zero.
	Blobs int

	images, blobs singleflight.Group
	whereabouts   whereabouts
}

// Copy copies an image unless the target has it. The tag is written last, when all else is there. The error is a
// *CopyFailure unless ctx ended.
func (c *Copier) Copy(ctx context.Context, j Job) (Copied, error) {
	digest := j.Source.Digest
	if digest == "" {
		var err error
		if digest, err = c.Client.Resolve(ctx, j.Source, j.SourceLogins); err != nil {
			return Copied{}, sourceFailure(err)
		}
	}
	had, err := c.has(ctx, j)
	if err != nil {
		return Copied{}, err
	}
	if had == digest {
		return Copied{Digest: digest, Already: true}, nil
	}
	if had != "" && j.Replace != nil && !j.Replace(had) {
		return Copied{}, &CopyFailure{Failure: &image.Failure{
			Reason: ReasonDrifted, Detail: fmt.Sprintf("%s is %s there, which was not written by us", j.Target.Written, had),
			Fix: "allow it to be overwritten, or remove that tag",
		}}
	}
	key := j.Target.Host + "/" + j.Target.Repository + ":" + j.Target.Tag + "@" + digest
	v, err, _ := c.images.Do(key, func() (any, error) { return c.copy(ctx, j, digest) })
	if err != nil {
		return Copied{}, err
	}
	return v.(Copied), nil
}

// ReasonDrifted is said where the target's tag is somebody else's.
const ReasonDrifted = "Drifted"

// has is the digest that the target has; empty if it has none.
func (c *Copier) has(ctx context.Context, j Job) (string, error) {
	had, err := c.Client.ResolveOrigin(ctx, j.Target, j.TargetLogins)
	if f, ok := errors.AsType[*image.Failure](err); ok && f.Reason == image.ReasonNotFound {
		return "", nil
	}
	if err != nil {
		return "", targetFailure(err)
	}
	return had, nil
}

// copying is one copy on its way.
type copying struct {
	*Copier
	Job
	sent, mounted, skipped, total atomic.Int64
	blobsDone, blobsAll           atomic.Int64
	manifests                     int
}

func (c *Copier) copy(ctx context.Context, j Job, digest string) (Copied, error) {
	run := &copying{Copier: c, Job: j}
	root, err := run.tree(ctx, digest, 0)
	if err != nil {
		return Copied{}, err
	}
	if err := run.verify(ctx, digest); err != nil {
		return Copied{}, err
	}
	if j.Target.Tag != "" {
		if err := run.put(ctx, j.Target.Tag, root); err != nil {
			return Copied{}, err
		}
	}
	return Copied{Digest: digest, Progress: run.progress()}, nil
}

// tree copies what a digest names, children first.
func (r *copying) tree(ctx context.Context, digest string, depth int) (part, error) {
	p, err := r.fetch(ctx, digest, depth)
	if err != nil {
		return p, err
	}
	for _, child := range p.children {
		if there, err := r.thereAlready(ctx, child); err != nil || there {
			if err != nil {
				return p, err
			}
			continue
		}
		if _, err := r.tree(ctx, child, depth+1); err != nil {
			return p, err
		}
	}
	err = r.store(ctx, p)
	if lost(err) {
		// The target has lost what it had: what we know of it is worth nothing.
		r.whereabouts.forget(r.Target.Host)
		err = r.store(ctx, p)
	}
	return p, err
}

// store sends the blobs of a manifest, then the manifest.
func (r *copying) store(ctx context.Context, p part) error {
	group, together := errgroup.WithContext(ctx)
	group.SetLimit(orElse(r.Blobs, 4))
	for _, d := range p.blobs {
		group.Go(func() error {
			if err := r.blob(together, d); err != nil {
				return err
			}
			r.add(&r.blobsDone, 1)
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return r.put(ctx, p.digest, p)
}

func lost(err error) bool {
	f, ok := errors.AsType[*CopyFailure](err)
	return ok && !f.Source && strings.Contains(f.Detail, "BLOB_UNKNOWN")
}

// thereAlready asks the target for a manifest, so that the source is not asked for what nobody needs.
func (r *copying) thereAlready(ctx context.Context, digest string) (bool, error) {
	_, err := r.Client.ResolveOrigin(ctx, r.Target.At(digest), r.TargetLogins)
	if f, ok := errors.AsType[*image.Failure](err); ok && f.Reason == image.ReasonNotFound {
		return false, nil
	}
	return err == nil, targetFailure(err)
}

// verify asks for the digest, which nobody but the registry itself can know to be whole.
func (r *copying) verify(ctx context.Context, digest string) error {
	_, err := r.Client.ResolveOrigin(ctx, r.Target.At(digest), r.TargetLogins)
	return targetFailure(err)
}

func (r *copying) put(ctx context.Context, name string, p part) error {
	return targetFailure(r.Client.origin(ctx, r.Target, r.TargetLogins, func(ctx context.Context, e Endpoint, l *image.Login) error {
		return r.Client.put(ctx, e, l, r.Target.Repository, name, p)
	}))
}

// blob sends one blob, unless the target has it or can take it from another of its repositories.
func (r *copying) blob(ctx context.Context, d descriptor) error {
	key := r.Target.Host + "/" + r.Target.Repository + "@" + d.Digest
	_, err, _ := r.blobs.Do(key, func() (any, error) {
		from := &stream{run: r, want: d}
		err := r.Client.origin(ctx, r.Target, r.TargetLogins, func(ctx context.Context, e Endpoint, l *image.Login) error {
			return r.send(ctx, e, l, from)
		})
		if why := from.failure(); err != nil && why != nil {
			return nil, sourceFailure(why)
		}
		return nil, targetFailure(err)
	})
	return err
}

func (r *copying) send(ctx context.Context, e Endpoint, l *image.Login, from *stream) error {
	d := from.want
	there, err := r.Client.there(ctx, e, l, r.Target.Repository, d.Digest)
	if err != nil {
		return err
	}
	if there {
		r.add(&r.skipped, d.Size)
		r.whereabouts.note(r.Target, d.Digest)
		return nil
	}
	at, err := r.Client.begin(ctx, e, l, r.Target.Repository, d.Digest, r.whereabouts.of(r.Target, d.Digest))
	if err != nil {
		return err
	}
	if at == nil {
		r.add(&r.mounted, d.Size)
	} else if err := r.Client.upload(ctx, e, l, r.Target.Repository, at, d, from.open); err != nil {
		return err
	}
	r.whereabouts.note(r.Target, d.Digest)
	return nil
}

func (r *copying) add(counter *atomic.Int64, n int64) {
	counter.Add(n)
	if r.Progress != nil {
		r.Progress(r.progress())
	}
}

func (r *copying) progress() Progress {
	return Progress{
		Sent: r.sent.Load(), Mounted: r.mounted.Load(), Skipped: r.skipped.Load(), Total: r.total.Load(),
		Blobs: r.blobsDone.Load(), AllBlobs: r.blobsAll.Load(),
	}
}

// whereabouts are repositories of a registry that have a blob, as far as we know: a wrong one costs an upload that would
// have been made anyway.
type whereabouts struct {
	mu  sync.Mutex
	all map[string]map[string]string // host → digest → repository
}

// maxWhereabouts bounds what is known of one registry.
const maxWhereabouts = 200_000

func (w *whereabouts) note(at image.Ref, digest string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.all == nil {
		w.all = map[string]map[string]string{}
	}
	if known := w.all[at.Host]; known == nil || len(known) >= maxWhereabouts {
		w.all[at.Host] = map[string]string{}
	}
	w.all[at.Host][digest] = at.Repository
}

func (w *whereabouts) of(at image.Ref, digest string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.all[at.Host][digest]
}

func (w *whereabouts) forget(host string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.all, host)
}

func sourceFailure(err error) error { return sided(err, true) }
func targetFailure(err error) error { return sided(err, false) }

func sided(err error, source bool) error {
	if err == nil {
		return nil
	}
	if own, ok := errors.AsType[*CopyFailure](err); ok {
		return own
	}
	return &CopyFailure{Failure: asFailure(err), Source: source}
}

func orElse(n, fallback int) int {
	if n > 0 {
		return n
	}
	return fallback
}
