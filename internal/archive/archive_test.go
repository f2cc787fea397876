// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"rhumb.run/rhumb/internal/core/image"
	"rhumb.run/rhumb/internal/registry"
	"rhumb.run/rhumb/internal/registry/contract"
)

// An archive is a registry: the suite that every registry has to pass says so.
func TestFolderIsARegistry(t *testing.T) {
	contract.Run(t, func(t *testing.T) http.Handler { return create(t, filepath.Join(t.TempDir(), "images")).Handler() })
}

func TestTarIsARegistry(t *testing.T) {
	contract.Run(t, func(t *testing.T) http.Handler {
		return create(t, filepath.Join(t.TempDir(), "images.tar")).Handler()
	})
}

func create(t *testing.T, path string) *Archive {
	t.Helper()
	a, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	return a
}

// exported is an archive of an index of two images, at a path.
func exported(t *testing.T, path string) string {
	t.Helper()
	a := create(t, path)
	name := parse(t, "quay.io/team/app:1")
	f := contract.NewFront(t, a.Handler())
	digest := contract.Push(t, f.URL, Repository(name)+":1", contract.Index(map[string]v1.Image{
		"amd64": contract.Image(t, contract.Files{"base": "1"}, contract.Files{"arch": "amd64"}),
		"arm64": contract.Image(t, contract.Files{"base": "1"}, contract.Files{"arch": "arm64"}),
	}))
	a.Add(Entry{Name: name, Origin: "quay.io/team/app:1", Digest: digest})
	if err := a.Seal(); err != nil {
		t.Fatal(err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	return digest
}

func parse(t *testing.T, s string) image.Ref {
	t.Helper()
	r, err := image.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// A repository may have any name, that of a part of the API too.
func TestOddRepository(t *testing.T) {
	a := create(t, filepath.Join(t.TempDir(), "images"))
	f := contract.NewFront(t, a.Handler())
	const name = "team/blobs/manifests/app"
	digest := contract.Push(t, f.URL, name+":1", contract.Image(t, contract.Files{"a": "1"}))
	if a.tags[name+":1"] != digest {
		t.Errorf("tags: %v", a.tags)
	}
}

// A manifest is taken only when all that it names is there: a tag promises the whole.
func TestManifestsComeLast(t *testing.T) {
	a := create(t, filepath.Join(t.TempDir(), "images"))
	f := contract.NewFront(t, a.Handler())
	none := digestOf([]byte("none"))
	for name, text := range map[string]string{
		"blob":     `{"config": {"digest": "` + none + `", "size": 4}, "layers": []}`,
		"manifest": `{"manifests": [{"digest": "` + none + `", "size": 4}]}`,
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, f.URL+"/v2/app/manifests/1", strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if err := resp.Body.Close(); err != nil || resp.StatusCode != http.StatusBadRequest || len(a.tags) > 0 {
			t.Errorf("without its %s: %s, tags %v, %v", name, resp.Status, a.tags, err)
		}
	}
}

// What was exported is found again, whole, wherever it lies.
func TestRoundTrip(t *testing.T) {
	for _, name := range []string{"folder", "images.tar"} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), name)
			digest := exported(t, path)
			a, err := Open(path)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = a.Close() })
			want := []Entry{{Name: parse(t, "quay.io/team/app:1"), Origin: "quay.io/team/app:1", Digest: digest}}
			if diff := cmp.Diff(want, a.Entries()); diff != "" {
				t.Error(diff)
			}
			raw, err := a.read(LockFile, maxIndex)
			if err != nil {
				t.Fatal(err)
			}
			lock, err := ParseLock(raw)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(Lock{LockKind, []Locked{{"quay.io/team/app:1", "quay.io/team/app:1@" + digest, digest}}}, lock); diff != "" {
				t.Error(diff)
			}
			served, err := a.Serve()
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = served.Stop() })
			hosts := registry.NewHosts()
			hosts.SetFile([]registry.Host{{Host: Host, Endpoint: served.URL}})
			client := registry.NewClient(registry.Options{Hosts: hosts})
			at := Place(want[0].Name).At(digest)
			if _, err := client.Verify(t.Context(), at, nil); contract.Reason(err) != image.ReasonUnauthorized {
				t.Errorf("without the password: %v", err)
			}
			found, err := client.Verify(t.Context(), at, image.Logins{served.Login})
			if err != nil || len(found.Lacks) > 0 || found.Blobs != 5 {
				t.Errorf("found %+v: %v", found, err)
			}
		})
	}
}

// A folder that was exported to is added to; what it has is not written again.
func TestAddsToFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "images")
	digest := exported(t, dir)
	before, err := os.Stat(filepath.Join(dir, blobFile(digest)))
	if err != nil {
		t.Fatal(err)
	}
	a := create(t, dir)
	other := parse(t, "docker.io/library/nginx:1")
	f := contract.NewFront(t, a.Handler())
	d := contract.Push(t, f.URL, Repository(other)+":1", contract.Image(t, contract.Files{"base": "1"}))
	a.Add(Entry{Name: other, Digest: d})
	if err := a.Seal(); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range a.Entries() {
		names = append(names, e.Written())
	}
	if diff := cmp.Diff([]string{"docker.io/library/nginx:1", "quay.io/team/app:1"}, names); diff != "" {
		t.Error(diff)
	}
	after, err := os.Stat(filepath.Join(dir, blobFile(digest)))
	if err != nil || !os.SameFile(before, after) {
		t.Errorf("it was written again: %v", err)
	}
}

// A tar that is not finished is not there.
func TestUnsealedTar(t *testing.T) {
	path := filepath.Join(t.TempDir(), "images.tar")
	a := create(t, path)
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// A blob that never arrived whole has a place in a tar, under a name that nobody takes for its own.
func TestTarWithAVoid(t *testing.T) {
	path := filepath.Join(t.TempDir(), "images.tar")
	a := create(t, path)
	lost := digestOf([]byte("all of it"))
	if err := a.blob(lost, 9, strings.NewReader("not of it")); !errors.Is(err, errWrongDigest) {
		t.Fatalf("stored: %v", err)
	}
	kept := digestOf([]byte("kept"))
	if err := a.blob(kept, 4, strings.NewReader("kept")); err != nil {
		t.Fatal(err)
	}
	if err := a.Seal(); err != nil {
		t.Fatal(err)
	}
	p, err := openTar(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := p.open(blobFile(lost)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what is not whole is there: %v", err)
	}
	if _, size, err := p.open(blobFile(kept)); err != nil || size != 4 {
		t.Errorf("what is whole: %d bytes, %v", size, err)
	}
}

// What is wrong with an archive is said before anything is sent.
func TestDamage(t *testing.T) {
	anyBlob := func(t *testing.T, dir string) string {
		t.Helper()
		all, err := filepath.Glob(filepath.Join(dir, "blobs/sha256/*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range all {
			if raw, err := os.ReadFile(f); err == nil && !json.Valid(raw) {
				return f
			}
		}
		t.Fatal("no layer")
		return ""
	}
	write := func(t *testing.T, file, text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		why    string
		damage func(t *testing.T, dir, digest string)
		want   string
	}{
		"IndexNotJSON": {
			"a file that was cut", func(t *testing.T, dir, _ string) { write(t, filepath.Join(dir, indexFile), `{"manifests": [`) },
			"damaged: index.json is no JSON",
		},
		"IndexOdd": {
			"a digest is a file's name: it must be one", func(t *testing.T, dir, _ string) {
				write(t, filepath.Join(dir, indexFile), `{"manifests": [{"digest": "sha256:../../../etc/passwd"}]}`)
			},
			"no sha256 digest",
		},
		"NoIndex": {
			"a folder of something else", func(t *testing.T, dir, _ string) { _ = os.Remove(filepath.Join(dir, indexFile)) },
			"it has no index.json; name the folder or the tar",
		},
		"BlobGone": {
			"copied without one file", func(t *testing.T, dir, _ string) { _ = os.Remove(anyBlob(t, dir)) },
			"is not there; bring it over again",
		},
		"BlobShort": {
			"a disk that was full", func(t *testing.T, dir, _ string) { _ = os.Truncate(anyBlob(t, dir), 3) },
			"has 3 of",
		},
		"BlobLeadsOut": {
			"a link would have another file sent", func(t *testing.T, dir, _ string) {
				blob := anyBlob(t, dir)
				_ = os.Remove(blob)
				if err := os.Symlink("/etc/hostname", blob); err != nil {
					t.Fatal(err)
				}
			},
			"path escapes from parent",
		},
		"ManifestFlipped": {
			"one bit", func(t *testing.T, dir, digest string) {
				file := filepath.Join(dir, blobFile(digest))
				raw, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				raw[len(raw)/2] ^= 1
				write(t, file, string(raw))
			},
			"has the content of sha256:",
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "images")
			c.damage(t, dir, exported(t, dir))
			a, err := Open(dir)
			if err == nil {
				_ = a.Close()
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v, want it to say %q", c.why, err, c.want)
			}
		})
	}
}

func TestWrongTars(t *testing.T) {
	whole := filepath.Join(t.TempDir(), "whole.tar")
	exported(t, whole)
	raw, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	with := func(h tar.Header) []byte {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		h.Mode = 0o644
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	for name, c := range map[string]struct {
		why  string
		data []byte
		want string
	}{
		"LeadsOut":   {"it would be written over somebody's files, if it were unpacked", with(tar.Header{Name: "../../etc/cron.d/x", Typeflag: tar.TypeReg}), "leads out of it"},
		"Absolute":   {"so would this", with(tar.Header{Name: "/etc/cron.d/x", Typeflag: tar.TypeReg}), "leads out of it"},
		"Link":       {"a link can lead anywhere", with(tar.Header{Name: "blobs", Linkname: "/etc", Typeflag: tar.TypeSymlink}), "a link or a device"},
		"HardLink":   {"of either sort", with(tar.Header{Name: "index.json", Linkname: "/etc/shadow", Typeflag: tar.TypeLink}), "a link or a device"},
		"Cut":        {"not all of it arrived", raw[:len(raw)/2], "damaged"},
		"Compressed": {"what is where cannot be known without unpacking all of it", append([]byte{0x1f, 0x8b}, raw...), "gunzip"},
		"NoTar":      {"something else", bytes.Repeat([]byte("x"), 2000), "damaged: it is no tar"},
		"Empty":      {"nothing", nil, "holds no images"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "images.tar")
			if err := os.WriteFile(path, c.data, 0o644); err != nil {
				t.Fatal(err)
			}
			a, err := Open(path)
			if err == nil {
				_ = a.Close()
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v, want it to say %q", c.why, err, c.want)
			}
		})
	}
}

// Nothing is written where something else is.
func TestCreateRefuses(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "thesis.txt"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Create(dir); err == nil || !strings.Contains(err.Error(), "none of them is oci-layout") {
		t.Errorf("a folder of somebody's: %v", err)
	}
	path := filepath.Join(t.TempDir(), "a.tar")
	exported(t, path)
	if _, err := Create(path); err == nil || !strings.Contains(err.Error(), "written once") {
		t.Errorf("a tar that is there: %v", err)
	}
}

// Two who send the same blob write it once.
func TestTarTakesABlobOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "images.tar")
	a := create(t, path)
	text := strings.Repeat("x", 100_000)
	errs := make(chan error)
	for range 4 {
		go func() {
			errs <- a.blob(digestOf([]byte(text)), int64(len(text)), io.LimitReader(strings.NewReader(text), 1<<20))
		}()
	}
	for range 4 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if err := a.Seal(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Size() > 110_000 {
		t.Errorf("%d bytes, %v", info.Size(), err)
	}
}
