// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"rhumb.run/rhumb/internal/core/image"
)

// cosignSuffixes are what cosign puts behind a digest's name to keep things that are about it.
var cosignSuffixes = []string{".sig", ".att", ".sbom"}

// attach copies what is about the image and is no part of it: what refers to it, and cosign's tags. It is looked for anew
// each time, since signatures come late; that of single platforms only when they are copied.
func (r *copying) attach(ctx context.Context, digest string) error {
	seen := map[string]bool{}
	for _, d := range r.about(digest) {
		if r.Referrers {
			if err := r.referrersOf(ctx, d, seen, 0); err != nil {
				return err
			}
		}
		if r.CosignTags {
			if err := r.cosign(ctx, d); err != nil {
				return err
			}
		}
	}
	return nil
}

// about are the digests that something may be about: the image, and what of it was copied just now.
func (r *copying) about(digest string) []string {
	out := []string{digest}
	for d := range r.parts {
		if d != digest && d != r.root.digest {
			out = append(out, d)
		}
	}
	slices.Sort(out[1:])
	return out
}

// referrersOf copies what refers to a digest, and what refers to that.
func (r *copying) referrersOf(ctx context.Context, digest string, seen map[string]bool, depth int) error {
	if seen[digest] || depth > maxDepth {
		return nil
	}
	seen[digest] = true
	if len(seen) > maxManifests {
		return sourceFailure(unlike("more than %d manifests refer to it", maxManifests))
	}
	wanted, _, err := r.Client.referrers(ctx, r.Source.At(digest), r.SourceLogins, r.Client.source)
	if err != nil || len(wanted) == 0 {
		return sourceFailure(err)
	}
	listed, native, err := r.Client.referrers(ctx, r.Target.At(digest), r.TargetLogins, r.Client.origin)
	if err != nil {
		return targetFailure(err)
	}
	before := len(listed)
	for _, d := range wanted {
		if listed, err = r.listing(ctx, d, listed); err != nil {
			return err
		}
		if err := r.referrersOf(ctx, d.Digest, seen, depth+1); err != nil {
			return err
		}
	}
	if native || len(listed) == before {
		return nil
	}
	return r.list(ctx, digest, listed)
}

// listing adds a referrer that the target does not list, once it is there.
func (r *copying) listing(ctx context.Context, d Referrer, listed []Referrer) ([]Referrer, error) {
	if slices.ContainsFunc(listed, func(l Referrer) bool { return l.Digest == d.Digest }) {
		return listed, nil
	}
	if err := r.beside(ctx, d.Digest); err != nil {
		return listed, fmt.Errorf("copying referrer %s: %w", d.Digest, err)
	}
	r.attached++
	return append(listed, d), nil
}

// beside copies a manifest with all that it names.
func (r *copying) beside(ctx context.Context, digest string) error {
	j := r.Job
	j.Platforms, j.MaxSize, j.Progress = nil, 0, nil
	one := r.begin(j)
	if err := one.gather(ctx, digest, true); err != nil {
		return err
	}
	return one.store(ctx)
}

// list writes down what refers to a digest, for a registry that does not by itself.
func (r *copying) list(ctx context.Context, digest string, all []Referrer) error {
	index := struct {
		SchemaVersion int               `json:"schemaVersion"`
		MediaType     string            `json:"mediaType"`
		Manifests     []json.RawMessage `json:"manifests"`
	}{SchemaVersion: 2, MediaType: mediaOCIIndex}
	for _, d := range all {
		index.Manifests = append(index.Manifests, d.raw)
	}
	raw, err := json.Marshal(index)
	if err != nil {
		return fmt.Errorf("listing referrers: %w", err)
	}
	return r.put(ctx, image.FallbackTag(digest), part{raw: raw, media: mediaOCIIndex})
}

// cosign copies what cosign keeps of a digest under tags. The source's word counts: there it is signed.
func (r *copying) cosign(ctx context.Context, digest string) error {
	for _, suffix := range cosignSuffixes {
		j := Job{Source: r.Source, Target: r.Target, SourceLogins: r.SourceLogins, TargetLogins: r.TargetLogins}
		tag := image.FallbackTag(digest) + suffix
		j.Source.Digest, j.Source.Tag = "", tag
		j.Target.Digest, j.Target.Tag = "", tag
		done, err := r.ensure(ctx, j)
		if f, ok := errors.AsType[*CopyFailure](err); ok && f.Reason == image.ReasonSourceNotFound {
			continue
		}
		if err != nil {
			return fmt.Errorf("copying %s: %w", tag, err)
		}
		r.tags = append(r.tags, tag)
		if !done.Already {
			r.attached++
		}
	}
	return nil
}
