// SPDX-License-Identifier: Apache-2.0

package image

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// epoch is when every file and image was made, for all that anyone can see.
var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// entry is a file of a layer; without content it is a link, or a directory.
type entry struct {
	name    string
	mode    int64
	content func() (io.ReadCloser, int64, error)
	link    string
}

func text(s string) func() (io.ReadCloser, int64, error) {
	return func() (io.ReadCloser, int64, error) { return io.NopCloser(strings.NewReader(s)), int64(len(s)), nil }
}

func onDisk(file string) func() (io.ReadCloser, int64, error) {
	return func() (io.ReadCloser, int64, error) {
		f, err := os.Open(file)
		if err != nil {
			return nil, 0, fmt.Errorf("opening %s: %w", file, err)
		}
		info, err := f.Stat()
		if err != nil {
			return nil, 0, fmt.Errorf("looking at %s: %w", file, err)
		}
		return f, info.Size(), nil
	}
}

// plain are the files that nearly every program expects around it.
func plain(ca string) []entry {
	entries := []entry{
		{name: "tmp", mode: 0o1777},
		{name: "etc/passwd", mode: 0o644, content: text("root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n")},
		{name: "etc/group", mode: 0o644, content: text("root:x:0:\nnonroot:x:65532:\n")},
		{name: "etc/nsswitch.conf", mode: 0o644, content: text("hosts: files dns\n")},
		{name: "home/nonroot", mode: 0o755},
	}
	if ca != "" {
		entries = append(entries, authorities(ca))
	}
	return entries
}

// authorities is the bundle where nearly every program looks for it.
func authorities(file string) entry {
	return entry{name: "etc/ssl/certs/ca-certificates.crt", mode: 0o644, content: onDisk(file)}
}

// from lists what a file or a directory on disk becomes at dst.
func from(src, dst string) ([]entry, error) {
	var entries []entry
	err := filepath.WalkDir(src, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(src, p)
		if err != nil {
			return err
		}
		info, err := os.Stat(p)
		if err != nil {
			return err
		}
		e := entry{name: strings.TrimPrefix(path.Join(dst, filepath.ToSlash(rel)), "/"), mode: 0o644}
		if info.Mode()&0o111 != 0 {
			e.mode = 0o755
		}
		if !info.IsDir() {
			e.content = onDisk(p)
		}
		entries = append(entries, e)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("listing %s: %w", src, err)
	}
	return entries, nil
}

// layer packs entries with every directory above them, sorted.
func layer(entries []entry) (v1.Layer, error) {
	byName := map[string]entry{}
	for _, e := range entries {
		for dir := path.Dir(e.name); dir != "." && dir != "/"; dir = path.Dir(dir) {
			if _, ok := byName[dir]; !ok {
				byName[dir] = entry{name: dir, mode: 0o755}
			}
		}
		byName[e.name] = e
	}
	var names []string
	for n := range byName {
		names = append(names, n)
	}
	slices.Sort(names)
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, n := range names {
		if err := write(w, byName[n]); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("packing a layer: %w", err)
	}
	raw := buf.Bytes()
	return tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(raw)), nil },
		tarball.WithCompressionLevel(1), tarball.WithCompressedCaching)
}

func write(w *tar.Writer, e entry) error {
	h := &tar.Header{Name: e.name, Mode: e.mode, ModTime: epoch, Format: tar.FormatPAX, Typeflag: tar.TypeDir}
	if e.link != "" {
		h.Typeflag, h.Linkname = tar.TypeSymlink, e.link
		return w.WriteHeader(h)
	}
	if e.content == nil {
		h.Name += "/"
		return w.WriteHeader(h)
	}
	r, size, err := e.content()
	if err != nil {
		return err
	}
	defer r.Close()
	h.Typeflag, h.Size = tar.TypeReg, size
	if err := w.WriteHeader(h); err != nil {
		return fmt.Errorf("packing %s: %w", e.name, err)
	}
	if _, err := io.Copy(w, r); err != nil {
		return fmt.Errorf("packing %s: %w", e.name, err)
	}
	return nil
}
