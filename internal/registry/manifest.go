// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"encoding/json"
	"fmt"
	"strings"

	"rhumb.run/rhumb/internal/core/image"
)

const (
	mediaOCIIndex       = "application/vnd.oci.image.index.v1+json"
	mediaOCIManifest    = "application/vnd.oci.image.manifest.v1+json"
	mediaDockerList     = "application/vnd.docker.distribution.manifest.list.v2+json"
	mediaDockerManifest = "application/vnd.docker.distribution.manifest.v2+json"

	maxLayers = 256
)

// descriptor names content in a manifest.
type descriptor struct {
	MediaType string   `json:"mediaType"`
	Digest    string   `json:"digest"`
	Size      int64    `json:"size"`
	URLs      []string `json:"urls"`
	Platform  *struct {
		OS           string `json:"os"`
		Architecture string `json:"architecture"`
	} `json:"platform"`
}

// manifest is what we read of an image manifest or an index.
type manifest struct {
	MediaType string       `json:"mediaType"`
	Layers    []descriptor `json:"layers"`
	Manifests []descriptor `json:"manifests"`
}

func noTree(format string, args ...any) *answer {
	return &answer{
		reason: image.ReasonNoTree, words: fmt.Sprintf(format, args...),
		fix: "use the image by its revision; its file tree is not served",
	}
}

func readManifest(body []byte) (manifest, error) {
	var m manifest
	if json.Unmarshal(body, &m) != nil {
		return m, noTree("its manifest is not JSON")
	}
	if len(m.Manifests) == 0 && m.Layers == nil {
		return m, noTree("its manifest has no layers")
	}
	return m, nil
}

// choose picks the image of an index: the platform's, or the only one.
func choose(m manifest, platform string) (descriptor, error) {
	var images []descriptor
	for _, d := range m.Manifests {
		if d.Platform == nil {
			images = append(images, d)
			continue
		}
		p := d.Platform.OS + "/" + d.Platform.Architecture
		if p == platform {
			return checked(d)
		}
		if p != "unknown/unknown" { // attestations
			images = append(images, d)
		}
	}
	if len(images) == 1 {
		return checked(images[0])
	}
	return descriptor{}, noTree("its index of %d images has none for %s", len(images), platform)
}

func checked(d descriptor) (descriptor, error) {
	if !image.IsDigest(d.Digest) || d.Size < 0 {
		return d, noTree("its manifest names content without a sha256 digest")
	}
	return d, nil
}

// tarLayers checks that the layers are tars, by what their manifest calls them.
func tarLayers(m manifest) error {
	if len(m.Layers) > maxLayers {
		return noTree("it has more than %d layers", maxLayers)
	}
	for i, l := range m.Layers {
		if _, err := checked(l); err != nil {
			return err
		}
		kind := strings.NewReplacer("+gzip", "", ".gzip", "", "+zstd", "").Replace(l.MediaType)
		if !strings.HasSuffix(kind, "tar") {
			return noTree("layer %d is of type %q, which is no tar", i+1, image.Bound(l.MediaType, 120))
		}
	}
	return nil
}
