// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"errors"
	"fmt"
	"time"

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

// Progress is how far a copy is: bytes, and blobs that are there by now of those that are to be. The totals are known when
// all manifests are read.
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

// Copier copies images from one registry to another, whole: every platform, under the same digest. One image, and one
// blob, is on its way once, whoever asks. Blobs are streamed; nothing of them is kept.
type Copier struct {
	Client *Client
	// Blobs is how many of an image are on their way at once; 4 if zero.
	Blobs int

	images      flights[Copied]
	uploads     turns // by blob: a second repository waits, and takes it from the first
	whereabouts whereabouts
}

// Copy copies an image unless the target has it. The tag is written last, when all else is there. The error is a
// *CopyFailure unless ctx ended. Who asks for what is on its way already waits for that; only the first is told its progress.
func (c *Copier) Copy(ctx context.Context, j Job) (Copied, error) {
	done, err := c.ensure(ctx, j)
	if err != nil && ctx.Err() != nil {
		return Copied{}, fmt.Errorf("copying %s: %w", j.Source.Written, context.Cause(ctx))
	}
	return done, err
}

func (c *Copier) ensure(ctx context.Context, j Job) (Copied, error) {
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
			Reason: image.ReasonDrifted, Detail: fmt.Sprintf("%s is %s there, which was not written by us", j.Target.Written, had),
			Fix: "allow it to be overwritten, or remove that tag",
		}}
	}
	key := j.Target.Host + "/" + j.Target.Repository + ":" + j.Target.Tag + "@" + digest
	who := j.SourceLogins.Digest() + "/" + j.TargetLogins.Digest()
	return c.images.do(ctx, key, who, func(ctx context.Context) (Copied, error) { return c.copy(ctx, j, digest) })
}

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

func (c *Copier) copy(ctx context.Context, j Job, digest string) (Copied, error) {
	r := &copying{Copier: c, Job: j, parts: map[string]part{}}
	if err := r.gather(ctx, digest); err != nil {
		return Copied{}, err
	}
	err := r.store(ctx)
	if lost(err) {
		// The target has lost what it had: what we know of it is worth nothing.
		r.whereabouts.forget(r.Target.Host)
		err = r.store(ctx)
	}
	if err == nil {
		err = r.verify(ctx, digest)
	}
	if err == nil && j.Target.Tag != "" {
		err = r.put(ctx, j.Target.Tag, r.parts[digest])
	}
	if err != nil {
		return Copied{}, err
	}
	return Copied{Digest: digest, Progress: r.progress()}, nil
}

func orElse[T int | float64 | time.Duration](n, fallback T) T {
	if n > 0 {
		return n
	}
	return fallback
}
