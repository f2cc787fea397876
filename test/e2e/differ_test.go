// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// contents is what an image is made of, as far as two can differ: its
// configuration, and the files of each layer by their paths.
func (s *settler) contents(image string) map[string]string {
	s.t.Helper()
	name, digest, _ := strings.Cut(strings.TrimPrefix(image, "registry.kube-system.svc.cluster.local:5000/"), "@")
	var manifest struct {
		Config struct {
			Digest string `json:"digest"`
		} `json:"config"`
		Layers []struct {
			Digest string `json:"digest"`
		} `json:"layers"`
	}
	raw := s.blobOf(name + "/manifests/" + digest)
	must(s.t, json.Unmarshal(raw, &manifest))
	out := map[string]string{"manifest": string(raw), "config": string(s.blobOf(name + "/blobs/" + manifest.Config.Digest))}
	for i, layer := range manifest.Layers {
		files(s, fmt.Sprintf("layer %d ", i), name+"/blobs/"+layer.Digest, out)
	}
	return out
}

// blobOf gets something from the lab's registry.
func (s *settler) blobOf(path string) []byte {
	s.t.Helper()
	file := filepath.Join(s.t.TempDir(), "fetched")
	_, err := s.lab.Shell(s.ctx, "curl", "-sSfL", "-o", file, "-H", "Accept: application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json",
		"http://localhost:5000/v2/"+path)
	must(s.t, err)
	raw, err := os.ReadFile(file)
	must(s.t, err)
	return raw
}

// files adds those of a layer, each with all that its header says and a hash of
// what is in it.
func files(s *settler, prefix, path string, out map[string]string) {
	s.t.Helper()
	unpacked, err := gzip.NewReader(strings.NewReader(string(s.blobOf(path))))
	must(s.t, err)
	for archive := tar.NewReader(unpacked); ; {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		must(s.t, err)
		hash := sha256.New()
		_, err = io.Copy(hash, archive)
		must(s.t, err)
		out[prefix+h.Name] = fmt.Sprintf("%s %d:%d %d bytes %s %x %s", h.FileInfo().Mode(), h.Uid, h.Gid, h.Size, h.ModTime.UTC(), hash.Sum(nil)[:8], h.Linkname)
	}
}

// differences are where two images differ.
func (s *settler) differences(one, other string) string {
	s.t.Helper()
	a, b := s.contents(one), s.contents(other)
	var out strings.Builder
	all := maps.Clone(a)
	maps.Copy(all, b)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if a[name] != b[name] {
			fmt.Fprintf(&out, "%s:\n- %s\n+ %s\n", name, a[name], b[name])
		}
	}
	return out.String()
}
