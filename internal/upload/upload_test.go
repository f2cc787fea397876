// SPDX-License-Identifier: Apache-2.0

package upload

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"rhumb.run/rhumb/internal/registry/contract"
	"rhumb.run/rhumb/internal/registry/contract/distribution"
)

// folder makes files; a text that begins with -> is a link.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for at, text := range files {
		file := filepath.Join(dir, at)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if to, isLink := strings.CutPrefix(text, "->"); isLink {
			err = os.Symlink(to, file)
		} else {
			err = os.WriteFile(file, []byte(text), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func pack(t *testing.T, from string) *Bundle {
	t.Helper()
	b, err := Pack(from)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b
}

// entries are what a bundle holds.
func entries(t *testing.T, b *Bundle) map[string]string {
	t.Helper()
	raw, err := os.ReadFile(b.file)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	r := tar.NewReader(bytes.NewReader(raw))
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if out[h.Name] = string(text); h.Typeflag == tar.TypeSymlink {
			out[h.Name] = "->" + h.Linkname
		}
	}
}

func TestPack(t *testing.T) {
	source := map[string]string{"main.go": "package main", "lib/a.go": "a", "lib/link": "->../main.go", ".git/config": "g", "bin/x": "x", "bin/keep": "k"}
	with := func(name, text string) map[string]string {
		out := map[string]string{name: text}
		maps.Copy(out, source)
		return out
	}
	for name, c := range map[string]struct {
		why    string
		files  map[string]string
		ignore string
		want   map[string]string
	}{
		"All": {"without a file that says so, nothing is left out", source, "", source},
		"Ignore": {
			"what is named stays out, with all below; a later line may take it back", with(".tanzuignore", ".git\nbin/*\n!bin/keep\n# a comment\n"), ".tanzuignore",
			map[string]string{"main.go": "package main", "lib/a.go": "a", "lib/link": "->../main.go", "bin/keep": "k"},
		},
		"Ours": {"ours comes first", with(".rhumbignore", ".git/\nbin\nlib\n"), ".rhumbignore", map[string]string{"main.go": "package main"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := pack(t, folder(t, c.files))
			if d := cmp.Diff(c.want, entries(t, b)); d != "" {
				t.Errorf("%s (-want +got):\n%s", c.why, d)
			}
			if b.Ignore != c.ignore || b.Files != len(c.want) {
				t.Errorf("%s: %q, %d files", c.why, b.Ignore, b.Files)
			}
		})
	}
}

// The same files are the same image, whenever they were written.
func TestPackIsReproducible(t *testing.T) {
	files := map[string]string{"b": "b", "a/c": "c", "l": "->b"}
	one, other := folder(t, files), folder(t, files)
	if err := os.Chtimes(filepath.Join(other, "b"), time.Unix(0, 0), time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	if a, b := pack(t, one).Digest(), pack(t, other).Digest(); a != b {
		t.Errorf("%s is not %s", a, b)
	}
	if err := os.WriteFile(filepath.Join(other, "b"), []byte("B"), 0o600); err != nil {
		t.Fatal(err)
	}
	if a, b := pack(t, one).Digest(), pack(t, other).Digest(); a == b {
		t.Errorf("%s is of two sources", a)
	}
}

func zipped(t *testing.T, name string, files map[string]string) string {
	t.Helper()
	at := filepath.Join(t.TempDir(), name)
	f, err := os.Create(at)
	if err != nil {
		t.Fatal(err)
	}
	z := zip.NewWriter(f)
	for name, text := range files {
		w, err := z.Create(name)
		if err == nil {
			_, err = io.WriteString(w, text)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(z.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
	return at
}

func TestPackArchive(t *testing.T) {
	files := map[string]string{"META-INF/MANIFEST.MF": "Main: a", "a.class": "c"}
	if d := cmp.Diff(files, entries(t, pack(t, zipped(t, "app.jar", files)))); d != "" {
		t.Error(d)
	}
}

func TestPackRefuses(t *testing.T) {
	for name, c := range map[string]struct{ why, from, want string }{
		"Out":       {"a link out of the folder would pack what is not meant", folder(t, map[string]string{"a": "->../../etc/passwd"}), "a is a link to ../../etc/passwd, which is not a part of it"},
		"Absolute":  {"so would an absolute one", folder(t, map[string]string{"a": "->/etc/passwd"}), "which is not a part of it"},
		"ByAnother": {"a link by way of a link leads out too", folder(t, map[string]string{"p/q/l": "->../..", "p/q/x": "->l/../secret"}), "which leads elsewhere"},
		"Slip":      {"an archive writes nowhere else", zipped(t, "a.zip", map[string]string{"../../x": "x"}), "../../x in it is no file that may be unpacked"},
		"Empty":     {"nothing is no source", t.TempDir(), "there is no file in it"},
		"None":      {"there is none", filepath.Join(t.TempDir(), "none"), "no such file or directory"},
		"File":      {"a file that is no archive", filepath.Join(folder(t, map[string]string{"a.txt": "a"}), "a.txt"), "neither a folder nor a zip, jar or war file"},
	} {
		if _, err := Pack(c.from); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s, %s: got %v", name, c.why, err)
		}
	}
}

// What the registry has is not sent again; who may not push is told what to do.
func TestPush(t *testing.T) {
	var writes atomic.Int32
	held := distribution.New()
	server := contract.NewFront(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "dev" || password != "s3cret" {
			w.Header().Set("WWW-Authenticate", `Basic realm="r"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			writes.Add(1)
		}
		held.ServeHTTP(w, r)
	}))
	login := Registry{Username: "dev", Password: "s3cret"}
	into := strings.TrimPrefix(server.URL, "http://") + "/shop/source"
	b := pack(t, folder(t, map[string]string{"a": "a"}))
	to, err := Target(into+":v1@sha256:"+strings.Repeat("0", 64), login)
	if err != nil {
		t.Fatal(err)
	}
	if fresh, err := to.Push(t.Context(), b); err != nil || !fresh {
		t.Fatal(fresh, err)
	}
	if want := into + ":v1@" + b.Digest(); to.Reference(b) != want {
		t.Errorf("got %s, want %s", to.Reference(b), want)
	}
	ref, err := name.ParseReference(to.Reference(b))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := remote.Head(ref, to.options...); err != nil {
		t.Errorf("what the workload will name is not there: %v", err)
	}
	before := writes.Load()
	if fresh, err := to.Push(t.Context(), b); err != nil || fresh || writes.Load() != before {
		t.Errorf("the same source was sent again: %v, %v, %d writes", fresh, err, writes.Load()-before)
	}
	other := pack(t, folder(t, map[string]string{"a": "b"}))
	for _, bundle := range []*Bundle{other, b} {
		if _, err := to.Push(t.Context(), bundle); err != nil {
			t.Fatal(err)
		}
		if d, err := remote.Head(to.tag, to.options...); err != nil || d.Digest.String() != bundle.Digest() {
			t.Errorf("the tag names %v (%v), want what was pushed last, %s", d, err, bundle.Digest())
		}
	}
	stranger, err := Target(into, Registry{Username: "dev", Password: "wr0ng"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stranger.Push(t.Context(), b); err == nil || !strings.Contains(err.Error(), "docker login") || strings.Contains(err.Error(), "wr0ng") {
		t.Errorf("got %v", err)
	}
	if _, err := Target(into, Registry{Username: "dev"}); err == nil {
		t.Error("half a login is taken")
	}
}
