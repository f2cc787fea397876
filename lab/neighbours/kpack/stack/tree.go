// SPDX-License-Identifier: Apache-2.0

package main

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// epoch is when every file was made, for all that anyone can see.
var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// file is a regular one with its content in the spool, a link, or a directory.
type file struct {
	kind     byte
	mode     int64
	owner    int
	link     string
	at, size int64
}

// tree is what a layer will be. Contents wait in a spool on disk.
type tree struct {
	files map[string]file
	spool *os.File
	end   int64
}

func newTree(dir string) (*tree, error) {
	spool, err := os.CreateTemp(dir, "spool-")
	if err != nil {
		return nil, fmt.Errorf("making a spool: %w", err)
	}
	return &tree{files: map[string]file{}, spool: spool}, nil
}

func (t *tree) close() {
	t.spool.Close()
	os.Remove(t.spool.Name())
}

// put adds a regular file. A later one of the same name wins.
func (t *tree) put(name string, mode int64, content io.Reader) error {
	n, err := io.Copy(t.spool, content)
	if err != nil {
		return fmt.Errorf("spooling %s: %w", name, err)
	}
	t.files[name] = file{kind: tar.TypeReg, mode: mode, at: t.end, size: n}
	t.end += n
	return nil
}

func (t *tree) text(name, content string) error {
	return t.put(name, 0o644, strings.NewReader(content))
}

func (t *tree) link(name, target string) {
	t.files[name] = file{kind: tar.TypeSymlink, mode: 0o777, link: target}
}

func (t *tree) folder(name string, mode int64, owner int) {
	t.files[name] = file{kind: tar.TypeDir, mode: mode, owner: owner}
}

// read is the content of a regular file.
func (t *tree) read(name string) ([]byte, error) {
	f, ok := t.files[name]
	if !ok {
		return nil, fmt.Errorf("no %s in the layer", name)
	}
	return io.ReadAll(io.NewSectionReader(t.spool, f.at, f.size))
}

// unpacked makes the layer of some packages. finish adds what installing would.
func unpacked(work, archives string, debs []deb, finish func(*tree) error, out string) error {
	t, err := newTree(work)
	if err != nil {
		return err
	}
	defer t.close()
	for _, d := range debs {
		if err := t.unpack(filepath.Join(archives, d.file)); err != nil {
			return fmt.Errorf("unpacking %s: %w", d.file, err)
		}
	}
	if finish != nil {
		if err := finish(t); err != nil {
			return err
		}
	}
	return t.pack(out)
}

// unpack adds the files of a package, without those that nobody will look at.
func (t *tree) unpack(archive string) error {
	cmd := exec.Command("dpkg-deb", "--fsys-tarfile", archive)
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	reading := t.add(tar.NewReader(stdout))
	_, _ = io.Copy(io.Discard, stdout) // dpkg-deb may not meet a closed pipe
	return errors.Join(reading, cmd.Wait())
}

func (t *tree) add(r *tar.Reader) error {
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		name := merged(h.Name)
		if name == "" || unread(name) {
			continue
		}
		switch h.Typeflag {
		case tar.TypeReg:
			err = t.put(name, h.Mode&0o7777, r)
		case tar.TypeLink: // the same content under another name
			t.files[name] = t.files[merged(h.Linkname)]
		case tar.TypeSymlink:
			t.link(name, h.Linkname)
		case tar.TypeDir:
			t.folder(name, h.Mode&0o7777, 0)
		}
		if err != nil {
			return err
		}
	}
}

// merged is where a file lies once /bin, /lib and /sbin are links into /usr.
func merged(name string) string {
	name = strings.Trim(path.Clean("/"+name), "/")
	first, _, _ := strings.Cut(name, "/")
	if slices.Contains(intoUsr, first) {
		return "usr/" + name
	}
	return name
}

var intoUsr = []string{"bin", "lib", "lib32", "lib64", "libx32", "sbin"}

// unread says which files no program opens. Copyrights stay: they have to.
func unread(name string) bool {
	if strings.HasPrefix(name, "usr/share/doc/") {
		return path.Base(name) != "copyright"
	}
	for _, gone := range []string{
		"usr/share/man/", "usr/share/locale/", "usr/share/info/", "usr/share/lintian/", "usr/share/bug/", "usr/share/doc-base/",
		"usr/share/bash-completion/", "usr/share/gitweb/", "usr/share/ri/", "usr/share/zoneinfo/right/", "usr/lib/x86_64-linux-gnu/gconv/",
		"var/lib/dpkg/", "boot/", "media/", "mnt/", "srv/",
	} {
		if strings.HasPrefix(name+"/", gone) {
			return true
		}
	}
	return strings.HasPrefix(name, "usr/lib/jvm/") && (strings.HasSuffix(name, ".jsa") || strings.Contains(name, "/man/"))
}

// pack writes the tree as a layer, sorted, with every directory above a file.
func (t *tree) pack(out string) error {
	for name := range t.files {
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			if _, ok := t.files[dir]; !ok {
				t.folder(dir, 0o755, 0)
			}
		}
	}
	part, err := os.Create(out + ".part")
	if err != nil {
		return fmt.Errorf("making a layer: %w", err)
	}
	defer part.Close()
	squeeze, err := gzip.NewWriterLevel(part, gzip.BestSpeed)
	if err != nil {
		return err
	}
	w := tar.NewWriter(squeeze)
	var names []string
	for name := range t.files {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if err := t.write(w, name); err != nil {
			return fmt.Errorf("packing %s: %w", name, err)
		}
	}
	if err := errors.Join(w.Close(), squeeze.Close(), part.Close()); err != nil {
		return fmt.Errorf("packing %s: %w", out, err)
	}
	return os.Rename(out+".part", out)
}

func (t *tree) write(w *tar.Writer, name string) error {
	f := t.files[name]
	h := &tar.Header{Name: name, Typeflag: f.kind, Mode: f.mode, Uid: f.owner, Gid: f.owner, Linkname: f.link, Size: f.size, ModTime: epoch, Format: tar.FormatPAX}
	if f.kind == tar.TypeDir {
		h.Name += "/"
	}
	if err := w.WriteHeader(h); err != nil {
		return err
	}
	_, err := io.Copy(w, io.NewSectionReader(t.spool, f.at, f.size))
	return err
}
