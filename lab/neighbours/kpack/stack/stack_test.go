// SPDX-License-Identifier: Apache-2.0

package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	got := parse("# what it is\n\n[run]\nruby\n\n[build]\ngit\nmaven\n")
	if want := map[string][]string{"run": {"ruby"}, "build": {"git", "maven"}}; !maps.EqualFunc(got, want, slices.Equal) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestPrinted(t *testing.T) {
	for name, tc := range map[string]struct{ why, line, file, name, hash string }{
		"Hashed":   {"what most lines are", "'http://d/pool/r/ruby_3.1_amd64.deb' ruby_1%3a3.1_amd64.deb 5868 MD5Sum:0a", "ruby_1%3a3.1_amd64.deb", "ruby", "MD5Sum:0a"},
		"Security": {"security updates have no hash, and would be left out", "'http://d/s/pool/o/openjdk_17_amd64.deb' openjdk_17+1~deb12u1_amd64.deb 4398", "openjdk_17+1~deb12u1_amd64.deb", "openjdk", ""},
	} {
		t.Run(name, func(t *testing.T) {
			if m := printed.FindStringSubmatch(tc.line); m == nil || m[1] != tc.file || m[2] != tc.name || m[3] != tc.hash {
				t.Errorf("%s: got %q", tc.why, m)
			}
		})
	}
}

func TestMerged(t *testing.T) {
	for name, tc := range map[string]struct{ why, in, want string }{
		"Merged":    {"/bin is a link in the image: a file below it would replace the link", "./bin/sh", "usr/bin/sh"},
		"InUsr":     {"most packages say where it lies", "./usr/bin/env", "usr/bin/env"},
		"Elsewhere": {"only a first folder counts", "./opt/bin/x", "opt/bin/x"},
		"Link":      {"the folder itself, as base-files has it", "./lib/", "usr/lib"},
		"Root":      {"the root is nobody's", "./", ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := merged(tc.in); got != tc.want {
				t.Errorf("%s: got %q, want %q", tc.why, got, tc.want)
			}
		})
	}
}

func TestUnread(t *testing.T) {
	for name, tc := range map[string]struct {
		why, in string
		want    bool
	}{
		"Manual":    {"nobody reads it in a container", "usr/share/man/man1/git.1.gz", true},
		"Copyright": {"whoever passes a program on passes this on", "usr/share/doc/git/copyright", false},
		"Changelog": {"documentation", "usr/share/doc/git/changelog.gz", true},
		"Program":   {"what the package is for", "usr/bin/git", false},
		"Shared":    {"classes' archive of the JDK: it does not fit files of another time", "usr/lib/jvm/java/lib/server/classes.jsa", true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := unread(tc.in); got != tc.want {
				t.Errorf("%s: got %t", tc.why, got)
			}
		})
	}
}

func TestUnneeded(t *testing.T) {
	for name, tc := range map[string]struct {
		why, in string
		want    bool
	}{
		"Compiler": {"builds compile", "pkg/tool/linux_amd64/compile", false},
		"Profiler": {"nobody profiles in a build", "pkg/tool/linux_amd64/pprof", true},
		"Itself":   {"the toolchain's own source", "src/cmd", true},
		"Library":  {"programs import it", "src/net/http/server.go", false},
		"Tests":    {"nobody tests the library", "src/net/http/server_test.go", true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := unneeded(tc.in); got != tc.want {
				t.Errorf("%s: got %t", tc.why, got)
			}
		})
	}
}

// debian is a package's tree as dpkg-deb gives it, in the order of its files.
func debian(t *testing.T, files ...string) *tar.Reader {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for i, f := range files {
		name, content, _ := strings.Cut(f, "=")
		h := &tar.Header{Name: name, Mode: 0o644, Size: int64(len(content)), ModTime: epoch.AddDate(i+1, 0, 0), Uid: 7}
		if err := errors.Join(w.WriteHeader(h), func() error { _, err := io.WriteString(w, content); return err }()); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return tar.NewReader(&buf)
}

// layerOf packs packages, with what installing would add.
func layerOf(t *testing.T, packages ...*tar.Reader) []byte {
	t.Helper()
	tree, err := newTree(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer tree.close()
	for _, p := range packages {
		if err := tree.add(p); err != nil {
			t.Fatal(err)
		}
	}
	out := filepath.Join(t.TempDir(), "layer.tar.gz")
	if err := errors.Join(foundation(tree), tree.pack(out)); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func contents(t *testing.T, layer []byte) map[string]string {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(layer))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		raw, _ := io.ReadAll(r)
		out[h.Name] = fmt.Sprintf("%d %s%s", h.Uid, raw, h.Linkname)
	}
}

// TestLayer shows that a layer says the same whatever the order and the time of
// what it is made of, belongs to root but for what is the user's, and has what
// no package brings.
func TestLayer(t *testing.T) {
	const a, b = "./usr/share/ca-certificates/m/a.crt=A\n", "./usr/share/ca-certificates/m/b.crt=B\n"
	one := layerOf(t, debian(t, "./bin/sh=shell", a, b))
	if two := layerOf(t, debian(t, b), debian(t, a, "./bin/sh=shell")); !bytes.Equal(one, two) {
		t.Error("the same files in another order are another layer")
	}
	got := contents(t, one)
	for name, want := range map[string]string{
		"usr/bin/sh": "0 shell", "bin": "0 usr/bin", "home/cnb/": "1000 ", "etc/ssl/certs/ca-certificates.crt": "0 A\nB\n",
	} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
}

// TestShare shows that Go finds its cache the same whenever it was filled, and
// that builds may add to it.
func TestShare(t *testing.T) {
	filled := func(nanoseconds int) map[string]string {
		tree, err := newTree(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		defer tree.close()
		tree.folder("cache", 0o755, 0)
		tree.folder("cache/00", 0o755, 0)
		out := filepath.Join(t.TempDir(), "layer.tar.gz")
		err = errors.Join(
			tree.text("cache/00/00aa-a", fmt.Sprintf("v1 00aa 11bb %20d %20d\n", 3, nanoseconds)),
			tree.text("cache/00/11bb-d", "abc"), tree.share("cache"), tree.pack(out))
		if err != nil {
			t.Fatal(err)
		}
		raw, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		return contents(t, raw)
	}
	got := filled(1)
	if !maps.Equal(got, filled(2)) {
		t.Error("filled at another time, it differs")
	}
	for name, want := range map[string]string{
		"cache/": "1000 ", "cache/00/": "1000 ", "cache/00/11bb-d": "0 abc",
		"cache/00/00aa-a": fmt.Sprintf("0 v1 00aa 11bb %20d %20d\n", 3, epoch.UnixNano()),
	} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
}
