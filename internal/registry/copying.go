// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"rhumb.run/rhumb/internal/core/image"
)

// copying is one copy on its way.
type copying struct {
	*Copier
	Job
	// root is what is copied; parts are the manifests that the target lacks, by digest.
	root     part
	parts    map[string]part
	tags     []string
	attached int

	sent, mounted, skipped, total atomic.Int64
	blobsDone, blobsAll           atomic.Int64
}

// copy copies the image, then what is about it.
func (r *copying) copy(ctx context.Context, digest string) (Copied, error) {
	err := r.whole(ctx, digest, true)
	if r.CreateRepository && nowhere(err) {
		if err := r.make(ctx); err != nil {
			return Copied{}, err
		}
		r.parts = map[string]part{}
		err = r.whole(ctx, digest, true)
	}
	if lost(err) {
		// The target has lost what it had: what we know of it is worth nothing.
		r.whereabouts.forget(r.Target.Host)
		r.parts = map[string]part{}
		err = r.whole(ctx, digest, false)
	}
	if err == nil {
		err = r.name(ctx)
	}
	if err == nil && (r.Referrers || r.CosignTags) {
		err = r.attach(ctx, digest)
	}
	if err != nil {
		return Copied{}, err
	}
	return r.copied(r.root.digest, digest, false), nil
}

func (r *copying) copied(digest, source string, already bool) Copied {
	return Copied{
		Digest: digest, Source: source, Already: already, Attached: r.attached,
		Tags: append(r.anchors(digest), r.tags...), Progress: r.progress(),
	}
}

// whole brings all of the image there, under its digest.
func (r *copying) whole(ctx context.Context, digest string, trust bool) error {
	if err := r.gather(ctx, digest, trust); err != nil {
		return err
	}
	if r.MaxSize > 0 && r.total.Load() > r.MaxSize {
		return &CopyFailure{Source: true, Failure: &image.Failure{
			Reason: image.ReasonTooLarge, Detail: fmt.Sprintf("its %d bytes are more than the %d that may be copied", r.total.Load(), r.MaxSize),
			Fix: "raise the limit, or choose platforms",
		}}
	}
	err := r.store(ctx)
	if less := r.root.less; less != nil && rejected(err) && !nowhere(err) {
		// It does not take an index whose images are not all there: then one that names no others.
		delete(r.parts, r.root.digest)
		r.root = *less
		r.parts[less.digest] = *less
		err = r.store(ctx)
	}
	if err != nil {
		return err
	}
	return r.verify(ctx, r.root.digest)
}

// rejected is true of a target that would not take what it was given.
func rejected(err error) bool {
	f, ok := errors.AsType[*CopyFailure](err)
	return ok && !f.Source && f.Reason == image.ReasonPushRejected
}

// name writes the tags, when all that they name is there. A tag beside a digest is for people: one that is there may be
// newer, and stays.
func (r *copying) name(ctx context.Context) error {
	tags := r.anchors(r.root.digest)
	if r.Target.Tag != "" {
		had := ""
		if r.Target.Pinned() {
			var err error
			if had, err = r.has(ctx, r.Target.Tagged(r.Target.Tag), r.TargetLogins); err != nil {
				return err
			}
		}
		if had == "" {
			tags = append(tags, r.Target.Tag)
		}
	}
	for _, tag := range tags {
		if err := r.put(ctx, tag, r.root); err != nil {
			return err
		}
	}
	return nil
}

// store sends all blobs, then the manifests, each after those that it names.
func (r *copying) store(ctx context.Context) error {
	if err := r.sendAll(ctx); err != nil {
		return err
	}
	for _, level := range r.levels() {
		group, together := errgroup.WithContext(ctx)
		group.SetLimit(r.atOnce())
		for _, p := range level {
			group.Go(func() error { return r.put(together, p.digest, p) })
		}
		if err := group.Wait(); err != nil {
			return err
		}
	}
	return nil
}

func (r *copying) atOnce() int { return orElse(r.Blobs, 4) }

// sendAll sends the blobs. When one fails no more are begun, and those that are on their way arrive: a next try would have
// to send them from the start.
func (r *copying) sendAll(ctx context.Context) error {
	var group errgroup.Group
	var failed atomic.Bool
	group.SetLimit(r.atOnce())
	for _, d := range r.distinctBlobs() {
		group.Go(func() error {
			if failed.Load() {
				return nil
			}
			err := r.blob(ctx, d)
			if err != nil {
				failed.Store(true)
				return err
			}
			r.add(&r.blobsDone, 1)
			return nil
		})
	}
	return group.Wait()
}

// distinctBlobs are those of all manifests, each once, the largest first.
func (r *copying) distinctBlobs() []descriptor {
	var out []descriptor
	seen := map[string]bool{}
	for _, p := range r.parts {
		for _, d := range p.blobs {
			if !seen[d.Digest] {
				seen[d.Digest] = true
				out = append(out, d)
			}
		}
	}
	slices.SortFunc(out, func(a, b descriptor) int {
		if a.Size != b.Size {
			return int(min(1, max(-1, b.Size-a.Size)))
		}
		return strings.Compare(a.Digest, b.Digest)
	})
	return out
}

// levels are the manifests by how many are below them: a registry takes an index only after what it names.
func (r *copying) levels() [][]part {
	heights := map[string]int{}
	var height func(digest string) int
	height = func(digest string) int {
		if h, ok := heights[digest]; ok {
			return h
		}
		h := 0
		for _, child := range r.parts[digest].children {
			if _, ours := r.parts[child]; ours {
				h = max(h, height(child)+1)
			}
		}
		heights[digest] = h
		return h
	}
	var out [][]part
	for digest, p := range r.parts {
		h := height(digest)
		for len(out) <= h {
			out = append(out, nil)
		}
		out[h] = append(out[h], p)
	}
	return out
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

// blob sends one blob, unless the target has it or can take it from another of its repositories. One that is on its way to
// another repository is waited for, and then taken from there.
func (r *copying) blob(ctx context.Context, d descriptor) error {
	from := &stream{run: r, want: d}
	err := r.Client.origin(ctx, r.Target, r.TargetLogins, func(ctx context.Context, e Endpoint, l *image.Login) error {
		return r.send(ctx, e, l, from)
	})
	if why := from.failure(); err != nil && why != nil {
		return sourceFailure(why)
	}
	return targetFailure(err)
}

func (r *copying) send(ctx context.Context, e Endpoint, l *image.Login, from *stream) error {
	d := from.want
	if err := r.learn(ctx, d); err != nil {
		return err
	}
	known := r.whereabouts.of(r.Target, d.Digest) != "" // before the target is asked: what comes in between is not missed
	if had, err := r.had(ctx, e, l, d); err != nil || had {
		return err
	}
	if known {
		return r.bring(ctx, e, l, from)
	}
	leave, err := r.uploads.take(ctx, r.Target.Host+"@"+d.Digest)
	if err != nil {
		return err
	}
	defer leave()
	if r.whereabouts.of(r.Target, d.Digest) != "" { // somebody else has just sent it: all who waited may take it at once
		leave()
		if had, err := r.had(ctx, e, l, d); err != nil || had {
			return err
		}
	}
	return r.bring(ctx, e, l, from)
}

// bring mounts a blob, or sends it.
func (r *copying) bring(ctx context.Context, e Endpoint, l *image.Login, from *stream) error {
	d := from.want
	at, err := r.Client.begin(ctx, e, l, r.Target.Repository, d.Digest, r.whereabouts.of(r.Target, d.Digest))
	if err != nil {
		return err
	}
	if at == nil {
		r.add(&r.mounted, d.Size)
	} else if err := r.Client.upload(ctx, e, l, r.Target.Repository, at, from); err != nil {
		return err
	}
	r.whereabouts.note(r.Target, d.Digest)
	return nil
}

// had asks the target for a blob.
func (r *copying) had(ctx context.Context, e Endpoint, l *image.Login, d descriptor) (bool, error) {
	there, err := r.Client.there(ctx, e, l, r.Target.Repository, d.Digest)
	if there {
		r.add(&r.skipped, d.Size)
		r.whereabouts.note(r.Target, d.Digest)
	}
	return there, err
}

func (r *copying) add(counter *atomic.Int64, n int64) {
	counter.Add(n)
	switch counter {
	case &r.sent:
		countBytes("copied", n)
	case &r.mounted:
		countBytes("mounted", n)
	case &r.skipped:
		countBytes("skipped", n)
	}
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
