// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"errors"
	"fmt"
	"strings"
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

	// Platforms are those to copy of an index, such as linux/amd64; nil is all. The copy is an index of its own then, with a
	// digest of its own, the same each time. A source that is named by its digest is copied whole: its name holds for the copy.
	Platforms []string
	// Sparse keeps the index as it is, and with it the digest, where the target takes one whose images are not all there.
	Sparse bool
	// Known is what an earlier job made of a digest with the same platforms, so that nobody has to look.
	Known Derived
	// Referrers copies what refers to the image, and what refers to that; CosignTags what cosign keeps under tags. Both are
	// looked for anew each time.
	Referrers, CosignTags bool
	// Anchor keeps the digest under image.AnchorTag as well, so that no registry takes it for garbage when its tag moves on.
	Anchor bool
	// MaxSize is how many bytes may be copied; all if zero.
	MaxSize int64
	// NonDistributable copies layers that say that they are not to be, as far as the source has them.
	NonDistributable bool
	// CreateRepository makes the target's repository where that has to be there before it is pushed to, and can be made.
	CreateRepository bool
	// Verify asks for the digest too where the tag says that all is there: a registry may have lost what its tag names.
	Verify bool
}

// Derived is an image of some platforms, and whose.
type Derived struct{ Source, Digest string }

// Progress is how far a copy is: bytes, and blobs that are there by now of those that are to be. The totals are known when
// all manifests are read.
type Progress struct {
	Sent, Mounted, Skipped, Total int64
	Blobs, AllBlobs               int64
}

// Copied is what became of a job.
type Copied struct {
	// Digest is the copy's; Source the original's, another one only where platforms were left out.
	Digest, Source string
	// Already is set where the target had it, which costs one HEAD on either side.
	Already bool
	// Attached is how many signatures and the like are new.
	Attached int
	// Tags are those at the target that belong to the copy, besides its own.
	Tags []string
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
	manifests   manifests
}

// Copy copies an image unless the target has it. The tag is written last, when all else is there. The error is a
// *CopyFailure unless ctx ended. Who asks for what is on its way already waits for that; only the first is told its progress.
func (c *Copier) Copy(ctx context.Context, j Job) (Copied, error) {
	began := time.Now()
	done, err := c.ensure(ctx, j)
	if err != nil && ctx.Err() != nil {
		return Copied{}, fmt.Errorf("copying %s: %w", j.Source.Written, context.Cause(ctx))
	}
	countCopy(done, err, time.Since(began))
	return done, err
}

func (c *Copier) ensure(ctx context.Context, j Job) (Copied, error) {
	digest := j.Source.Digest
	if digest == "" {
		var err error
		if digest, err = c.Client.resolve(ctx, j.Source, j.SourceLogins, c.Client.source); err != nil {
			return Copied{}, sourceFailure(err)
		}
	} else {
		j.Target.Digest, j.Platforms = digest, nil
	}
	there, err := c.look(ctx, j, digest)
	if err != nil {
		return Copied{}, err
	}
	if there.all {
		c.whereabouts.unread(j.Target, there.digest)
		if !j.Referrers && !j.CosignTags {
			return Copied{Digest: there.digest, Source: digest, Already: true, Tags: j.anchors(there.digest)}, nil
		}
	}
	if there.digest != "" && there.digest != digest && !there.all && j.Replace != nil && !j.Replace(there.digest) {
		return Copied{}, &CopyFailure{Failure: &image.Failure{
			Reason: image.ReasonDrifted, Detail: fmt.Sprintf("%s is %s there, which was not written by us", j.Target.Written, there.digest),
			Fix: "allow it to be overwritten, or remove that tag",
		}}
	}
	who := j.SourceLogins.Digest() + "/" + j.TargetLogins.Digest()
	return c.images.do(ctx, j.key(digest), who, func(ctx context.Context) (Copied, error) {
		r := c.begin(j)
		if !there.all {
			return r.copy(ctx, digest)
		}
		err := r.attach(ctx, digest)
		return r.copied(there.digest, digest, true), err
	})
}

// key is the same for jobs that come to the same.
func (j *Job) key(digest string) string {
	return fmt.Sprintf("%s/%s:%s@%s %q %v", j.Target.Host, j.Target.Repository, j.Target.Tag, digest, j.Platforms,
		[]any{j.Source.Host, j.Source.Repository, j.Sparse, j.Referrers, j.CosignTags, j.Anchor, j.MaxSize, j.NonDistributable, j.CreateRepository})
}

// sight is what the target has.
type sight struct {
	digest string // under the tag; empty if nothing
	all    bool   // it is what is wanted
}

// look asks the target for what is wanted: one HEAD, unless a job wants to know more.
func (c *Copier) look(ctx context.Context, j Job, digest string) (sight, error) {
	asked := j.Target
	if j.Target.Pinned() && j.Anchor {
		asked = asked.Tagged(image.AnchorTag(digest))
	}
	had, err := c.has(ctx, asked, j.TargetLogins)
	if err != nil || had == "" {
		return sight{}, err
	}
	if want, err := c.wanted(ctx, j, digest, had); err != nil || had != want {
		return sight{digest: had}, err
	}
	more := []image.Ref{}
	if j.Verify {
		more = append(more, j.Target.At(had))
	}
	if j.Anchor && !j.Target.Pinned() {
		more = append(more, j.Target.Tagged(image.AnchorTag(had)))
	}
	for _, ref := range more {
		if other, err := c.has(ctx, ref, j.TargetLogins); err != nil || other != had {
			return sight{digest: had}, err
		}
	}
	return sight{digest: had, all: true}, nil
}

// wanted is the digest that the copy has to have; had is taken where either would do.
func (c *Copier) wanted(ctx context.Context, j Job, digest, had string) (string, error) {
	switch {
	case len(j.Platforms) == 0, j.Sparse && had == digest:
		return digest, nil
	case j.Known.Source == digest && j.Known.Digest != "":
		return j.Known.Digest, nil
	}
	r := c.begin(j)
	root, err := r.fetch(ctx, digest)
	if err != nil {
		return "", err
	}
	less, err := root.subset(j.Platforms)
	return less.digest, sourceFailure(err)
}

// has is the digest that the target has; empty if it has none.
func (c *Copier) has(ctx context.Context, ref image.Ref, logins image.Logins) (string, error) {
	had, err := c.Client.ResolveOrigin(ctx, ref, logins)
	if f, ok := errors.AsType[*image.Failure](err); ok && f.Reason == image.ReasonNotFound {
		return "", nil
	}
	if err != nil {
		return "", targetFailure(err)
	}
	return had, nil
}

func (c *Copier) begin(j Job) *copying {
	return &copying{Copier: c, Job: j, parts: map[string]part{}}
}

func (j *Job) anchors(digest string) []string {
	if !j.Anchor {
		return nil
	}
	return []string{image.AnchorTag(digest)}
}

// lost is true of a registry that misses what it said it had.
func lost(err error) bool {
	f, ok := errors.AsType[*CopyFailure](err)
	return ok && !f.Source && (strings.Contains(f.Detail, "BLOB_UNKNOWN") || strings.Contains(f.Detail, "MANIFEST_UNKNOWN"))
}

func orElse[T int | float64 | time.Duration](n, fallback T) T {
	if n > 0 {
		return n
	}
	return fallback
}
