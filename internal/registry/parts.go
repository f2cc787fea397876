// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"rhumb.run/rhumb/internal/core/image"
)

// What one image may consist of.
const (
	maxDepth    = 4
	maxChildren = 1000
	// maxManifests counts those of all depths together.
	maxManifests = 2000
	maxBlobs     = 1000
)

// part is a manifest or an index, and what it names.
type part struct {
	raw           []byte
	media, digest string
	children      []string // manifests
	blobs         []descriptor
}

// gather reads the manifests that the target lacks, level by level.
func (r *copying) gather(ctx context.Context, root string) error {
	seen := map[string]bool{root: true}
	level := []string{root}
	for depth := 0; len(level) > 0; depth++ {
		if depth > maxDepth {
			return sourceFailure(unlike("its index holds indexes more than %d deep", maxDepth))
		}
		if len(seen) > maxManifests {
			return sourceFailure(unlike("it consists of more than %d manifests", maxManifests))
		}
		found := make([]*part, len(level))
		group, together := errgroup.WithContext(ctx)
		group.SetLimit(r.atOnce())
		for i, digest := range level {
			group.Go(func() (err error) {
				found[i], err = r.lacking(together, digest, digest == root)
				return err
			})
		}
		if err := group.Wait(); err != nil {
			return err
		}
		level = nil
		for _, p := range found {
			if p == nil {
				continue
			}
			r.parts[p.digest] = *p
			for _, child := range p.children {
				if !seen[child] {
					seen[child] = true
					level = append(level, child)
				}
			}
		}
	}
	for _, d := range r.distinctBlobs() {
		r.total.Add(d.Size)
		r.blobsAll.Add(1)
	}
	return nil
}

// lacking is a manifest, unless the target has it; of the root that is known.
func (r *copying) lacking(ctx context.Context, digest string, root bool) (*part, error) {
	if !root {
		if there, err := r.thereAlready(ctx, digest); err != nil || there {
			return nil, err
		}
	}
	p, err := r.fetch(ctx, digest)
	return &p, err
}

// fetch gets a manifest from the source and reads it.
func (r *copying) fetch(ctx context.Context, digest string) (part, error) {
	p := part{digest: digest}
	err := r.Client.each(ctx, r.Source.At(digest), r.SourceLogins, func(ctx context.Context, e Endpoint, l *image.Login) error {
		var err error
		p.raw, _, err = r.Client.manifest(ctx, e, l, r.Source.At(digest))
		return err
	})
	if err == nil {
		err = p.read()
	}
	return p, sourceFailure(err)
}

// read finds what a manifest names. What lies at addresses of its own is not the registry's, and stays there.
func (p *part) read() error {
	var m struct {
		MediaType string       `json:"mediaType"`
		Config    *descriptor  `json:"config"`
		Layers    []descriptor `json:"layers"`
		Manifests []descriptor `json:"manifests"`
	}
	if json.Unmarshal(p.raw, &m) != nil {
		return unlike("its manifest is not JSON")
	}
	p.media = m.MediaType
	if p.media == "" { // OCI lets it be left out
		if p.media = mediaOCIManifest; m.Manifests != nil {
			p.media = mediaOCIIndex
		}
	}
	if len(m.Manifests) > maxChildren || len(m.Layers) > maxBlobs {
		return unlike("it names more than %d manifests or %d layers", maxChildren, maxBlobs)
	}
	if m.Config != nil {
		m.Layers = append(m.Layers, *m.Config)
	}
	children, err := distinct(m.Manifests)
	if err != nil {
		return err
	}
	for _, d := range children {
		p.children = append(p.children, d.Digest)
	}
	blobs, err := distinct(m.Layers)
	p.blobs = slices.DeleteFunc(blobs, func(d descriptor) bool { return d.elsewhere() })
	return err
}

// distinct are descriptors that can be used, each once.
func distinct(all []descriptor) ([]descriptor, error) {
	var out []descriptor
	said := map[string]bool{}
	for _, d := range all {
		if _, err := checked(d); err != nil {
			return nil, err
		}
		if !said[d.Digest] {
			out = append(out, d)
		}
		said[d.Digest] = true
	}
	return out, nil
}

// elsewhere is true of layers that may not be passed on, and say where they are.
func (d *descriptor) elsewhere() bool {
	return len(d.URLs) > 0 && (strings.Contains(d.MediaType, "foreign") || strings.Contains(d.MediaType, "nondistributable"))
}

// unlike is said of what no image looks like.
func unlike(format string, args ...any) *answer {
	return &answer{reason: image.ReasonUnsupported, words: fmt.Sprintf(format, args...), fix: "see what pushes such an image"}
}
