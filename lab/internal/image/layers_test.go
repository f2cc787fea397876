// SPDX-License-Identifier: Apache-2.0

package image

import (
	"archive/tar"
	"context"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

// packed is a layer in a file.
func packed(t *testing.T, name, content string) string {
	t.Helper()
	l, err := layer([]entry{{name: name, mode: 0o644, content: text(content)}})
	if err != nil {
		t.Fatal(err)
	}
	r, err := l.Compressed()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "layer.tar.gz")
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestLayersTrustWhomTheyAreTold shows that a stack, which brings a bundle of
// its own, trusts the one that it is given, and that files stay on top: labels
// name the last layer.
func TestLayersTrustWhomTheyAreTold(t *testing.T) {
	const bundle = "etc/ssl/certs/ca-certificates.crt"
	ours := filepath.Join(t.TempDir(), "ours.crt")
	if err := os.WriteFile(ours, []byte("ours"), 0o600); err != nil {
		t.Fatal(err)
	}
	img, err := Build(Spec{Layers: []string{packed(t, bundle, "theirs")}, Files: []string{program(t, "x") + ":/bin/x"}, CA: ours})
	if err != nil {
		t.Fatal(err)
	}
	layers, err := img.Layers()
	if err != nil || len(layers) != 3 {
		t.Fatalf("%d layers, %v, want 3", len(layers), err)
	}
	raw := mutate.Extract(img)
	defer raw.Close()
	files := tar.NewReader(raw)
	got := map[string]string{}
	for h, err := files.Next(); err == nil; h, err = files.Next() {
		if text, err := io.ReadAll(files); err == nil {
			got[h.Name] = string(text)
		}
	}
	if got[bundle] != "ours" {
		t.Errorf("it trusts %q", got[bundle])
	}
	last, err := layers[2].Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer last.Close()
	top := tar.NewReader(last)
	for h, err := top.Next(); err == nil; h, err = top.Next() {
		if h.Name == bundle {
			t.Error("the bundle is in the layer of files, whose digest labels name")
		}
	}
}

// TestLayersAreTheImage shows that layers in files come instead of what other
// images have around their program, in their order, with files above them.
func TestLayersAreTheImage(t *testing.T) {
	img, err := Build(Spec{
		Layers: []string{packed(t, "etc/one", "one"), packed(t, "etc/two", "two")},
		Files:  []string{program(t, "three") + ":/bin/three"},
		Env:    []string{"PATH=/elsewhere"},
	})
	if err != nil {
		t.Fatal(err)
	}
	layers, err := img.Layers()
	if err != nil || len(layers) != 3 {
		t.Fatalf("%d layers, %v, want 3", len(layers), err)
	}
	var names []string
	for name := range list(t, img) {
		if !strings.HasSuffix(name, "/") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	if diff := cmp.Diff([]string{"bin/three", "etc/one", "etc/two"}, names); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	cf, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"PATH=/elsewhere"}, cf.Config.Env); diff != "" {
		t.Errorf("a variable of the Spec's own is the only one of its name (-want +got):\n%s", diff)
	}
}

// TestAlias shows that an image has another name once it was given, and that
// the name goes to the next image that it is given to.
func TestAlias(t *testing.T) {
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	ctx := context.Background()
	for _, content := range []string{"one", "two"} {
		img, err := Build(Spec{Binary: program(t, content)})
		if err != nil {
			t.Fatal(err)
		}
		pushed, err := Push(ctx, host+"/lab/app:lab", img)
		if err != nil {
			t.Fatal(err)
		}
		_, digest, _ := strings.Cut(pushed, "@")
		for range 2 { // the second time it is there already
			if err := Alias(ctx, pushed, host+"/known/as:base"); err != nil {
				t.Fatal(err)
			}
		}
		got, err := Pull(ctx, host+"/known/as:base")
		if err != nil {
			t.Fatal(err)
		}
		if d, err := got.Digest(); err != nil || d.String() != digest {
			t.Errorf("the other name leads to %s, %v, want %s", d, err, digest)
		}
	}
}
