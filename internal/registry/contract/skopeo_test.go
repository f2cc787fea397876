// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package contract_test

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"rhumb.run/rhumb/internal/core/image"
	"rhumb.run/rhumb/internal/registry"
	"rhumb.run/rhumb/internal/registry/contract"
	"rhumb.run/rhumb/internal/registry/contract/distribution"
)

// TestSkopeo has somebody else look: what we copied from either registry to the other is read by skopeo, byte by byte.
func TestSkopeo(t *testing.T) {
	ours := func(*testing.T) http.Handler { return distribution.New() }
	for name, tc := range map[string]struct{ source, target func(*testing.T) http.Handler }{
		"ToDebian": {ours, debian}, "FromDebian": {debian, ours},
	} {
		t.Run(name, func(t *testing.T) {
			source, target := contract.NewFront(t, tc.source(t)), contract.NewFront(t, tc.target(t))
			client := registry.NewClient(registry.Options{Hosts: contract.Reach(map[string]*contract.Front{contract.Host: source, contract.Target: target})})
			copier := &registry.Copier{Client: client}
			base := contract.Files{"base": contract.Noise(100_000)}
			for _, name := range []string{"apps/one:1", "apps/two:1"} { // the second takes the base from the first
				want := contract.Push(t, source.URL, name, contract.Index(map[string]v1.Image{
					"amd64": contract.Image(t, base, contract.Files{"arch": "amd64 " + name}), "arm64": contract.Image(t, base, contract.Files{"arch": "arm64 " + name}),
				}))
				if _, err := copier.Copy(t.Context(), registry.Job{Source: parse(t, contract.Host+"/"+name), Target: parse(t, contract.Target+"/"+name), Anchor: true}); err != nil {
					t.Fatal(err)
				}
				for _, tag := range []string{name, strings.TrimSuffix(name, "1") + image.AnchorTag(want)} {
					if got := hash(skopeo(t, "inspect", "--raw", "--tls-verify=false", at(target, tag))); got != want {
						t.Errorf("skopeo reads %s as %s, pushed was %s", tag, got, want)
					}
				}
				if diff := cmp.Diff(laidOut(t, at(source, name)), laidOut(t, at(target, name))); diff != "" {
					t.Errorf("%s is not the same to skopeo:\n%s", name, diff)
				}
			}
			if in, _ := target.Moved(); in > 150_000 {
				t.Errorf("%d bytes went in: the base of both was sent twice", in)
			}
		})
	}
}

func parse(t *testing.T, s string) image.Ref {
	t.Helper()
	r, err := image.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// at is an image behind a front, as skopeo names it.
func at(f *contract.Front, name string) string {
	return "docker://" + strings.TrimPrefix(f.URL, "http://") + "/" + name
}

func hash(raw []byte) string {
	sum := sha256.Sum256(raw)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func skopeo(t *testing.T, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "skopeo", append([]string{"--insecure-policy"}, args...)...)
	var words strings.Builder
	cmd.Stderr = &words
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("skopeo %q: %v: %s (test/packages test/bench/cloner/packages.txt installs it)", args, err, words.String())
	}
	return out
}

// laidOut are the hashes of all that skopeo finds of an image with all its platforms, by file.
func laidOut(t *testing.T, name string) map[string]string {
	t.Helper()
	dir := t.TempDir()
	skopeo(t, "copy", "--all", "--src-tls-verify=false", name, "dir:"+dir)
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, f := range files {
		raw, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		out[f.Name()] = hash(raw)
	}
	return out
}
