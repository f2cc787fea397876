// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"rhumb.run/rhumb/internal/core/image"
)

// The files of a layout besides its blobs.
const (
	layoutFile = "oci-layout"
	indexFile  = "index.json"
	// LockFile names what is in an archive, for people and for scripts.
	LockFile = "images.lock.yaml"

	layoutText = `{"imageLayoutVersion":"1.0.0"}`
	blobPrefix = "blobs/sha256/"
)

// What index.json says of an image.
const (
	nameAnnotation       = "org.opencontainers.image.ref.name"
	containerdAnnotation = "io.containerd.image.name"
	originAnnotation     = "rhumb.run/origin"
)

// What manifests are.
const (
	mediaIndex        = "application/vnd.oci.image.index.v1+json"
	mediaManifest     = "application/vnd.oci.image.manifest.v1+json"
	maxManifest       = 4 << 20
	maxIndex          = 64 << 20
	maxManifestsBelow = 2000
)

// Descriptor names content.
type Descriptor struct {
	MediaType    string            `json:"mediaType"`
	Digest       string            `json:"digest"`
	Size         int64             `json:"size"`
	ArtifactType string            `json:"artifactType,omitempty"`
	URLs         []string          `json:"urls,omitempty"`
	Annotations  map[string]string `json:"annotations,omitempty"`
}

// index is index.json, and what a registry answers who asks for referrers.
type index struct {
	SchemaVersion int          `json:"schemaVersion"`
	MediaType     string       `json:"mediaType"`
	Manifests     []Descriptor `json:"manifests"`
}

// manifest is what we read of one.
type manifest struct {
	MediaType    string            `json:"mediaType"`
	ArtifactType string            `json:"artifactType"`
	Config       *Descriptor       `json:"config"`
	Layers       []Descriptor      `json:"layers"`
	Manifests    []Descriptor      `json:"manifests"`
	Subject      *Descriptor       `json:"subject"`
	Annotations  map[string]string `json:"annotations"`
}

func readManifest(raw []byte) (manifest, error) {
	var m manifest
	if err := json.Unmarshal(raw, &m); err != nil {
		return m, errors.New("it is no JSON")
	}
	if m.MediaType == "" {
		if m.MediaType = mediaManifest; m.Manifests != nil {
			m.MediaType = mediaIndex
		}
	}
	return m, nil
}

// blobs are what a manifest is made of, but for what lies elsewhere and may not be passed on.
func (m *manifest) blobs() []Descriptor {
	out := slices.DeleteFunc(slices.Clone(m.Layers), func(d Descriptor) bool {
		return len(d.URLs) > 0 && (strings.Contains(d.MediaType, "foreign") || strings.Contains(d.MediaType, "nondistributable"))
	})
	if m.Config != nil {
		out = append(out, *m.Config)
	}
	return out
}

// referrer is the manifest as those find it who ask what refers to its subject.
func (m *manifest) referrer(digest string, size int64) Descriptor {
	d := Descriptor{MediaType: m.MediaType, Digest: digest, Size: size, ArtifactType: m.ArtifactType, Annotations: m.Annotations}
	if d.ArtifactType == "" && m.Config != nil {
		d.ArtifactType = m.Config.MediaType
	}
	return d
}

// Entry is an image of an archive.
type Entry struct {
	// Name is what it is called there: the original's name in full.
	Name image.Ref
	// Origin is the name as it was written, where that is known.
	Origin, Digest string
}

// canonical is a reference in full, as every tool understands it.
func canonical(r image.Ref) string {
	out := r.Host + "/" + r.Repository
	if r.Tag != "" {
		return out + ":" + r.Tag
	}
	return out + "@" + r.Digest
}

// readIndex reads the names of index.json. What has none is reached through what has.
func readIndex(raw []byte) ([]Descriptor, error) {
	var idx index
	if err := json.Unmarshal(raw, &idx); err != nil {
		return nil, damaged("%s is no JSON: %v", indexFile, err)
	}
	for _, d := range idx.Manifests {
		if !image.IsDigest(d.Digest) {
			return nil, damaged("%s names %q, which is no sha256 digest", indexFile, image.Bound(d.Digest, 120))
		}
	}
	return idx.Manifests, nil
}

// nameOf is the name that index.json gives an image: ours and skopeo's may be whole there, others keep it with containerd's.
func nameOf(d Descriptor) (image.Ref, bool) {
	for _, name := range []string{d.Annotations[nameAnnotation], d.Annotations[containerdAnnotation]} {
		first, _, more := strings.Cut(name, "/")
		whole := more && (strings.ContainsAny(first, ".:") || first == "localhost")
		if r, err := image.Parse(name); err == nil && whole {
			return r, true
		}
	}
	return image.Ref{}, false
}

// Damage is an archive that is not what was written.
type Damage struct{ words string }

func damaged(format string, args ...any) error { return &Damage{fmt.Sprintf(format, args...)} }

func (d *Damage) Error() string {
	return "the archive is damaged: " + d.words + "; bring it over again, or export it again"
}
