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
	// foreign takes layers along that say that they lie elsewhere.
	foreign bool
	// less is the same index for some platforms alone, where this one is sent although some of its images are not.
	less *part
}

// gather reads the manifests that the target lacks, level by level; trust is given to what it says it has.
func (r *copying) gather(ctx context.Context, root string, trust bool) error {
	r.total.Store(0)
	r.blobsAll.Store(0)
	there, err := r.top(ctx, root, trust)
	if err != nil || there {
		return err
	}
	r.parts[r.root.digest] = r.root
	seen := map[string]bool{r.root.digest: true}
	level := r.unseen(nil, &r.root, seen)
	for depth := 1; len(level) > 0; depth++ {
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
				found[i], err = r.lacking(together, digest, trust)
				return err
			})
		}
		if err := group.Wait(); err != nil {
			return err
		}
		level = r.below(found, seen)
	}
	for _, d := range r.distinctBlobs() {
		r.total.Add(d.Size)
		r.blobsAll.Add(1)
	}
	return nil
}

// below takes the parts of one level, and says what is on the next.
func (r *copying) below(found []*part, seen map[string]bool) (level []string) {
	for _, p := range found {
		if p != nil {
			r.parts[p.digest] = *p
			level = r.unseen(level, p, seen)
		}
	}
	return level
}

// top reads the manifest at the top, from the target if that has it.
func (r *copying) top(ctx context.Context, digest string, trust bool) (there bool, err error) {
	if trust && len(r.Platforms) == 0 {
		if there, err = r.thereAlready(ctx, digest); err != nil {
			return there, err
		}
	}
	if there {
		r.root, err = r.Client.rootAt(ctx, r.Target.At(digest), r.TargetLogins)
		return true, targetFailure(err)
	}
	if r.root, err = r.fetch(ctx, digest); err != nil || len(r.Platforms) == 0 {
		return false, err
	}
	less, err := r.root.subset(r.Platforms)
	switch {
	case err != nil:
		return false, sourceFailure(err)
	case less.digest == r.root.digest:
	case r.Sparse:
		r.root.children, r.root.less = less.children, &less
	default:
		r.root = less
	}
	if !trust {
		return false, nil
	}
	return r.thereAlready(ctx, r.root.digest)
}

func (r *copying) unseen(level []string, p *part, seen map[string]bool) []string {
	for _, digest := range p.children {
		if !seen[digest] {
			seen[digest] = true
			level = append(level, digest)
		}
	}
	return level
}

// lacking is a manifest, unless the target has it.
func (r *copying) lacking(ctx context.Context, digest string, trust bool) (*part, error) {
	if trust {
		if there, err := r.thereAlready(ctx, digest); err != nil || there {
			return nil, err
		}
	}
	p, err := r.fetch(ctx, digest)
	return &p, err
}

// fetch gets a manifest from the source and reads it; once, however often it is tried to copy it.
func (r *copying) fetch(ctx context.Context, digest string) (part, error) {
	key := r.Source.Host + "/" + r.Source.Repository + "@" + digest + " " + r.SourceLogins.Digest()
	p := part{digest: digest, raw: r.manifests.get(key), foreign: r.NonDistributable}
	if p.raw == nil {
		err := r.Client.source(ctx, r.Source.At(digest), r.SourceLogins, func(ctx context.Context, e Endpoint, l *image.Login) (err error) {
			p.raw, _, err = r.Client.manifest(ctx, e, l, r.Source.At(digest))
			return err
		})
		if err != nil {
			return p, sourceFailure(err)
		}
		r.manifests.put(key, p.raw)
	}
	return p, sourceFailure(p.read())
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
	p.blobs = slices.DeleteFunc(blobs, func(d descriptor) bool { return !p.foreign && d.elsewhere() })
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
