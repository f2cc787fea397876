// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"

	"rhumb.run/rhumb/internal/core/clone"
	"rhumb.run/rhumb/internal/core/image"
	"rhumb.run/rhumb/internal/registry"
)

// engine is a copier as the controller knows one.
type engine struct {
	copier *registry.Copier
	client *registry.Client
}

// Look asks a target for a copy.
func (e engine) Look(ctx context.Context, copied image.Ref, logins image.Logins) (string, error) {
	digest, err := e.client.ResolveOrigin(ctx, copied, logins)
	return digest, failed(err)
}

// Delete deletes a copy's tag.
func (e engine) Delete(ctx context.Context, copied image.Ref, logins image.Logins) error {
	return failed(e.client.DeleteTag(ctx, copied, logins))
}

// failed is a failure of a target.
func failed(err error) error {
	if f, ok := errors.AsType[*image.Failure](err); ok {
		return &clone.Failure{Failure: f}
	}
	return err
}

// Copy copies one image.
func (e engine) Copy(ctx context.Context, j clone.Job, progress func(clone.Progress)) (clone.Outcome, error) {
	c := j.Copying
	copied, err := e.copier.Copy(ctx, registry.Job{
		Source: j.Source, Target: j.Target, SourceLogins: j.SourceLogins, TargetLogins: j.TargetLogins,
		Replace:   func(digest string) bool { return j.Overwrite || digest == j.Wrote },
		Progress:  func(p registry.Progress) { progress(progressOf(p)) },
		Platforms: c.Platforms, Sparse: c.Sparse, Referrers: c.Referrers, CosignTags: c.CosignTags, Anchor: j.Anchor,
		CreateRepository: j.CreateRepository, MaxSize: c.MaxSize, NonDistributable: c.NonDistributable, Known: registry.Derived{Source: j.WroteOf, Digest: j.Wrote},
	})
	if f, ok := errors.AsType[*registry.CopyFailure](err); ok {
		return clone.Outcome{}, &clone.Failure{Failure: f.Failure, Source: f.Source}
	}
	if err != nil {
		return clone.Outcome{}, fmt.Errorf("copying %s: %w", j.Source.Written, err)
	}
	return clone.Outcome{SourceDigest: copied.Source, Digest: copied.Digest, Already: copied.Already, Progress: progressOf(copied.Progress)}, nil
}

func progressOf(p registry.Progress) clone.Progress {
	return clone.Progress{Sent: p.Sent, Mounted: p.Mounted, Skipped: p.Skipped, Total: p.Total, Blobs: int(p.Blobs), AllBlobs: int(p.AllBlobs)}
}
