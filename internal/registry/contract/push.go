// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"archive/tar"
	"bytes"
	"io"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// Files are a layer: contents by path, of which "bin/…" can be run.
type Files map[string]string

// Noise is n bytes that do not compress, the same each time.
func Noise(n int) string {
	out := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{}).Read(out)
	return string(out)
}

// Image makes an image of layers.
func Image(t *testing.T, layers ...Files) v1.Image {
	t.Helper()
	img := empty.Image
	for _, files := range layers {
		packed := Pack(t, files)
		l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(packed)), nil })
		if err != nil {
			t.Fatal(err)
		}
		if img, err = mutate.AppendLayers(img, l); err != nil {
			t.Fatal(err)
		}
	}
	return img
}

// Pack makes a tar of files.
func Pack(t *testing.T, files Files) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for path, content := range files {
		mode := int64(0o644)
		if strings.HasPrefix(path, "bin/") {
			mode = 0o755
		}
		if err := w.WriteHeader(&tar.Header{Name: path, Mode: mode, Size: int64(len(content))}); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Index makes an index of images by architecture, for Linux.
func Index(images map[string]v1.Image) v1.ImageIndex {
	idx := v1.ImageIndex(empty.Index)
	for _, arch := range []string{"amd64", "arm64", "riscv64"} {
		if img, ok := images[arch]; ok {
			idx = mutate.AppendManifests(idx, mutate.IndexAddendum{
				Add:        img,
				Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}},
			})
		}
	}
	return idx
}

// Nest makes an index of an index.
func Nest(idx v1.ImageIndex) v1.ImageIndex {
	return mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: idx})
}

// Push pushes an image or an index to repository:tag behind a URL and returns its digest.
func Push(t *testing.T, base, repositoryTag string, what remote.Taggable, o ...remote.Option) string {
	t.Helper()
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	ref, err := name.ParseReference(u.Host+"/"+repositoryTag, name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	var d v1.Hash
	switch w := what.(type) {
	case v1.Image:
		err = remote.Write(ref, w, o...)
		if err == nil {
			d, err = w.Digest()
		}
	case v1.ImageIndex:
		err = remote.WriteIndex(ref, w, o...)
		if err == nil {
			d, err = w.Digest()
		}
	}
	if err != nil {
		t.Fatalf("pushing %s: %v", repositoryTag, err)
	}
	return d.String()
}
