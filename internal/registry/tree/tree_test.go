// SPDX-License-Identifier: Apache-2.0

package tree

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// memory is a spool.
type memory struct{ bytes.Buffer }

func (m *memory) ReadAt(p []byte, off int64) (int, error) {
	return bytes.NewReader(m.Bytes()).ReadAt(p, off)
}

func file(path, content string) tar.Header {
	return tar.Header{Typeflag: tar.TypeReg, Name: path, Mode: 0o644, Size: int64(len(content)), Linkname: content}
}

func dir(path string) tar.Header { return tar.Header{Typeflag: tar.TypeDir, Name: path, Mode: 0o755} }

func sym(path, to string) tar.Header {
	return tar.Header{Typeflag: tar.TypeSymlink, Name: path, Linkname: to, Mode: 0o777}
}

func hard(path, to string) tar.Header {
	return tar.Header{Typeflag: tar.TypeLink, Name: path, Linkname: to}
}

// layer packs entries; the content of a file rides in Linkname.
func layer(t *testing.T, entries ...tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range entries {
		content := ""
		if h.Typeflag == tar.TypeReg {
			content, h.Linkname = h.Linkname, ""
		}
		h.ModTime = time.Unix(1_700_000_000, 0)
		if err := w.WriteHeader(&h); err != nil {
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

var plenty = Limits{Bytes: 1 << 20, Entries: 1000}

func flatten(l Limits, layers ...[]byte) ([]byte, error) {
	tr := New(&memory{}, l)
	for _, data := range layers {
		if err := tr.Apply(bytes.NewReader(data)); err != nil {
			return nil, err
		}
	}
	var b bytes.Buffer
	err := tr.Write(&b)
	return b.Bytes(), err
}

// list reads a tar as one line an entry.
func list(t *testing.T, data []byte) []string {
	t.Helper()
	var out []string
	r := tar.NewReader(bytes.NewReader(data))
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		line := fmt.Sprintf("%o %s", h.Mode, h.Name)
		switch h.Typeflag {
		case tar.TypeSymlink:
			line += " -> " + h.Linkname
		case tar.TypeReg:
			line += " = " + string(content)
		case tar.TypeDir:
		default:
			t.Fatalf("%s has type %c", h.Name, h.Typeflag)
		}
		out = append(out, line)
	}
}

func TestFlatten(t *testing.T) {
	suid := file("bin/su", "x")
	suid.Mode = 0o4755
	cases := map[string]struct {
		why    string
		layers [][]tar.Header
		want   []string
	}{
		"UpperWins": {
			"a layer replaces what is below it",
			[][]tar.Header{{file("a", "1"), file("b", "1")}, {file("a", "2")}},
			[]string{"644 a = 2", "644 b = 1"},
		},
		"Whiteout": {
			"a deleted file is gone, with all that was in a folder",
			[][]tar.Header{{dir("d/"), file("d/x", "1"), file("a", "1")}, {file(".wh.d", ""), file(".wh.a", "")}},
			nil,
		},
		"WhiteoutOwn": {
			"a whiteout speaks of the layers below, not of its own, in either order",
			[][]tar.Header{{file("a", "1"), dir("d/"), file("d/old", "1")}, {file("a", "2"), file(".wh.a", ""), file(".wh.d", ""), dir("d/"), file("d/new", "2")}},
			[]string{"644 a = 2", "755 d/", "644 d/new = 2"},
		},
		"Opaque": {
			"an opaque folder hides what was in it, and keeps its own",
			[][]tar.Header{{dir("d/"), file("d/old", "1")}, {dir("d/"), file("d/new", "2"), file("d/.wh..wh..opq", "")}},
			[]string{"755 d/", "644 d/new = 2"},
		},
		"DirKeepsContent": {
			"a folder listed again only changes its mode",
			[][]tar.Header{{dir("d/"), file("d/x", "1")}, {{Typeflag: tar.TypeDir, Name: "d/", Mode: 0o700}}},
			[]string{"700 d/", "644 d/x = 1"},
		},
		"FileOverDir": {
			"a file in the place of a folder takes all of it",
			[][]tar.Header{{dir("d/"), file("d/x", "1")}, {file("d", "2")}},
			[]string{"644 d = 2"},
		},
		"DirOverFile": {
			"and a folder that a path implies takes the place of a file",
			[][]tar.Header{{file("d", "1")}, {file("d/x", "2")}},
			[]string{"755 d/", "644 d/x = 2"},
		},
		"ThroughLink": {
			"what is written below a linked folder lands where the link leads, so that nothing lies below a link",
			[][]tar.Header{{dir("usr/"), dir("usr/bin/"), sym("bin", "usr/bin")}, {file("bin/sh", "x")}},
			[]string{"777 bin -> usr/bin", "755 usr/", "755 usr/bin/", "644 usr/bin/sh = x"},
		},
		"LinkToRoot": {
			"an absolute link means the tree's root, from wherever the tree is unpacked",
			[][]tar.Header{{dir("etc/"), sym("etc/host", "/proc/self"), sym("up", "/"), sym("etc/up", "/")}},
			[]string{"755 etc/", "777 etc/host -> ../proc/self", "777 etc/up -> ..", "777 up -> ."},
		},
		"LinkClimbs": {
			"a container's root has no parent: a link over it stops there",
			[][]tar.Header{{dir("a/"), sym("a/l", "../../../etc/passwd"), sym("a/ok", "../x")}},
			[]string{"755 a/", "777 a/l -> ../etc/passwd", "777 a/ok -> ../x"},
		},
		"LinkByLink": {
			"a link that climbs after a linked folder is taken by its text, since the real way might lead out",
			[][]tar.Header{{dir("x/"), dir("sub/"), sym("sub/d", "../x"), sym("sub/l", "d/../../etc/passwd")}},
			[]string{"755 sub/", "777 sub/d -> ../x", "777 sub/l -> ../etc/passwd", "755 x/"},
		},
		"WriteOverLink": {
			"the attack on every unpacker: a link out, then a file through it",
			[][]tar.Header{{sym("e", "/etc"), file("e/passwd", "root")}},
			[]string{"777 e -> etc", "755 etc/", "644 etc/passwd = root"},
		},
		"HardLink": {
			"both names have the content, and the one stays when the other goes",
			[][]tar.Header{{file("a", "1"), hard("b", "a")}, {file(".wh.a", ""), hard("c", "./b")}},
			[]string{"644 b = 1", "644 c = 1"},
		},
		"Modes": {
			"programs stay programs, but nobody becomes root by unpacking",
			[][]tar.Header{{dir("bin/"), suid}},
			[]string{"755 bin/", "755 bin/su = x"},
		},
		"Devices": {
			"a device is no part of a file tree",
			[][]tar.Header{{{Typeflag: tar.TypeChar, Name: "null"}, {Typeflag: tar.TypeFifo, Name: "pipe"}, file("a", "1")}},
			[]string{"644 a = 1"},
		},
		"Spellings": {
			"./a, /a and a are one file",
			[][]tar.Header{{file("./a", "1"), dir("./")}, {file("/a", "2")}},
			[]string{"644 a = 2"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var layers [][]byte
			for _, l := range tc.layers {
				layers = append(layers, layer(t, l...))
			}
			got, err := flatten(plenty, layers...)
			if err != nil {
				t.Fatalf("%s: %v", tc.why, err)
			}
			if diff := cmp.Diff(tc.want, list(t, got)); diff != "" {
				t.Errorf("%s:\n%s", tc.why, diff)
			}
			again, err := flatten(plenty, layers...)
			if err != nil || !bytes.Equal(got, again) {
				t.Errorf("the same layers gave other bytes (%v)", err)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	circle := []tar.Header{sym("a", "b"), sym("b", "a"), file("a/x", "1")}
	cases := map[string]struct {
		why    string
		layer  []tar.Header
		limits Limits
		want   string
	}{
		"DotDot":    {"no entry names a place outside", []tar.Header{file("a/../../x", "1")}, plenty, "leaves the tree"},
		"HardOut":   {"nor does a hard link", []tar.Header{hard("a", "../../etc/shadow")}, plenty, "leaves the tree"},
		"HardGone":  {"a hard link needs its file", []tar.Header{hard("a", "b")}, plenty, "no file"},
		"HardDir":   {"and a folder is none", []tar.Header{dir("d/"), hard("a", "d")}, plenty, "no file"},
		"Circle":    {"links in a circle end", circle, plenty, "circle"},
		"TooLarge":  {"size is counted before it is read", []tar.Header{file("a", "12345")}, Limits{Bytes: 4, Entries: 9}, "larger than 4 bytes"},
		"TooMany":   {"so are entries", []tar.Header{file("a", ""), file("b", "")}, Limits{Bytes: 4, Entries: 1}, "more than 1 entries"},
		"Implied":   {"folders that a path implies count", []tar.Header{file("a/b/c/d/e", "")}, Limits{Bytes: 4, Entries: 3}, "more than 3 entries"},
		"Deep":      {"depth is bounded", []tar.Header{file(strings.Repeat("d/", 200)+"x", "")}, plenty, "deep"},
		"LongName":  {"so is a name", []tar.Header{file(strings.Repeat("d", 5000), "")}, plenty, "too long"},
		"EmptyLink": {"a link leads somewhere", []tar.Header{{Typeflag: tar.TypeSymlink, Name: "a", Linkname: strings.Repeat("l", 5000)}}, plenty, "too long"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := flatten(tc.limits, layer(t, tc.layer...))
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%s: got %v, want %q", tc.why, err, tc.want)
			}
		})
	}
	t.Run("NoTar", func(t *testing.T) {
		if _, err := flatten(plenty, []byte(strings.Repeat("no tar ", 200))); err == nil {
			t.Error("text was taken for a tar")
		}
	})
}

// FuzzApply looks for a layer that makes a tree which could not be unpacked safely.
func FuzzApply(f *testing.F) {
	f.Add("bin", "/usr/bin", "bin/../../x", byte('2'))
	f.Add("a", "b/../../c", "a/x", byte('2'))
	f.Add("a", "..", "a/.wh..wh..opq", byte('1'))
	f.Fuzz(func(t *testing.T, link, to, path string, kind byte) {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		for _, h := range []tar.Header{dir("d/"), file("d/f", ""), {Typeflag: kind, Name: link, Linkname: to}, {Typeflag: tar.TypeReg, Name: path}} {
			if w.WriteHeader(&h) != nil {
				return
			}
		}
		if w.Close() != nil {
			return
		}
		out, err := flatten(plenty, b.Bytes())
		if err != nil {
			return
		}
		unpackable(t, out)
	})
}

// unpackable fails the test if a naive unpacker could be led out of its folder.
func unpackable(t *testing.T, data []byte) {
	t.Helper()
	links := map[string]bool{}
	r := tar.NewReader(bytes.NewReader(data))
	for {
		h, err := r.Next()
		if err != nil {
			return
		}
		parts := strings.Split(strings.TrimSuffix(h.Name, "/"), "/")
		for i, p := range parts {
			if p == ".." || p == "" {
				t.Fatalf("name %q", h.Name)
			}
			if i > 0 && links[strings.Join(parts[:i], "/")] {
				t.Fatalf("%q lies below a link", h.Name)
			}
		}
		if h.Typeflag == tar.TypeSymlink {
			links[h.Name] = true
			if strings.HasPrefix(h.Linkname, "/") || !staysIn(parts[:len(parts)-1], h.Linkname) {
				t.Fatalf("link %q -> %q", h.Name, h.Linkname)
			}
		}
	}
}
