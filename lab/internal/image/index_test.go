// SPDX-License-Identifier: Apache-2.0

package image

import (
	"os"
	"path/filepath"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

func TestIndex(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "web")
	if err := os.WriteFile(binary, []byte("program"), 0o755); err != nil {
		t.Fatal(err)
	}
	img, err := Build(Spec{Binary: binary})
	if err != nil {
		t.Fatal(err)
	}
	var digests []v1.Hash
	for range 2 {
		index, err := Index(img, []string{"linux/amd64", "linux/arm64/v8"})
		if err != nil {
			t.Fatal(err)
		}
		m, err := index.IndexManifest()
		if err != nil || len(m.Manifests) != 2 {
			t.Fatalf("an index of %+v: %v", m, err)
		}
		for i, want := range []string{"linux/amd64", "linux/arm64/v8"} {
			one, err := index.Image(m.Manifests[i].Digest)
			if err != nil {
				t.Fatal(err)
			}
			cf, err := one.ConfigFile()
			if err != nil || cf.Platform().String() != want || m.Manifests[i].Platform.String() != want {
				t.Errorf("the image for %s says that it is for %v, its index for %v: %v", want, cf.Platform(), m.Manifests[i].Platform, err)
			}
		}
		d, err := index.Digest()
		if err != nil {
			t.Fatal(err)
		}
		digests = append(digests, d)
	}
	if digests[0] != digests[1] {
		t.Errorf("the same files make %v", digests)
	}
	if _, err := Index(img, []string{"arm64"}); err == nil {
		t.Error("a platform without an operating system is taken")
	}
}
