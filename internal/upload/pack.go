// SPDX-License-Identifier: Apache-2.0

package upload

import (
	"archive/tar"
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	ignore "github.com/sabhiram/go-gitignore"
)

// ignoreFiles name what is not packed, in the language of .gitignore. The first that there is counts.
var ignoreFiles = []string{".rhumbignore", ".tanzuignore"}

// maxSource is how much source is packed at most: more than this is no source.
const maxSource = 1 << 30

// Bundle is source, packed.
type Bundle struct {
	// Ignore is the file that says what was left out; empty if there is none.
	Ignore string
	// Files is how many there are.
	Files int

	image  v1.Image
	digest v1.Hash
	file   string
}

// Close takes the bundle from the disk.
func (b *Bundle) Close() error { return os.Remove(b.file) }

// Digest is of the image.
func (b *Bundle) Digest() string { return b.digest.String() }

// Pack packs a folder, or what is in a zip, jar or war file.
func Pack(from string) (*Bundle, error) {
	info, err := os.Stat(from)
	if err != nil {
		return nil, fmt.Errorf("reading the source: %w", err)
	}
	out, err := os.CreateTemp("", "rhumb-source-*.tar")
	if err != nil {
		return nil, fmt.Errorf("packing the source: %w", err)
	}
	b := &Bundle{file: out.Name()}
	w := &writer{to: tar.NewWriter(out), bundle: b}
	switch {
	case info.IsDir():
		err = w.folder(from)
	case slices.Contains([]string{".zip", ".jar", ".war"}, filepath.Ext(from)):
		err = w.archive(from)
	default:
		err = errors.New("neither a folder nor a zip, jar or war file")
	}
	err = errors.Join(err, w.to.Close(), out.Close())
	if err == nil && b.Files == 0 {
		err = errors.New("there is no file in it")
	}
	if err == nil {
		err = b.seal()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("packing %s: %w", from, err), b.Close())
	}
	return b, nil
}

func (b *Bundle) seal() error {
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return os.Open(b.file) })
	if err != nil {
		return err
	}
	if b.image, err = mutate.AppendLayers(empty.Image, layer); err != nil {
		return err
	}
	b.digest, err = b.image.Digest()
	return err
}

// writer writes entries that say nothing of when and by whom.
type writer struct {
	to     *tar.Writer
	bundle *Bundle
	size   int64
}

func (w *writer) folder(from string) error {
	root, err := os.OpenRoot(from)
	if err != nil {
		return err
	}
	defer root.Close() //nolint:errcheck // it was only read
	left := w.leftOut(root)
	return fs.WalkDir(root.FS(), ".", func(at string, entry fs.DirEntry, err error) error {
		if err != nil || at == "." {
			return err
		}
		if left != nil && left.MatchesPath(at) || left != nil && entry.IsDir() && left.MatchesPath(at+"/") {
			// Not SkipDir: a later pattern may take a file below back in.
			return nil
		}
		switch kind := entry.Type(); {
		case kind.IsDir():
			return nil // who unpacks makes them
		case kind.IsRegular():
			return w.regular(root, at)
		case kind&fs.ModeSymlink != 0:
			return w.link(root, at)
		}
		return fmt.Errorf("%s is neither a file nor a folder nor a link", at)
	})
}

func (w *writer) leftOut(root *os.Root) *ignore.GitIgnore {
	for _, name := range ignoreFiles {
		text, err := root.ReadFile(name)
		if err != nil {
			continue
		}
		w.bundle.Ignore = name
		return ignore.CompileIgnoreLines(append(strings.Split(string(text), "\n"), name)...)
	}
	return nil
}

func (w *writer) regular(root *os.Root, at string) error {
	f, err := root.Open(at)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // it was only read
	info, err := f.Stat()
	if err != nil {
		return err
	}
	return w.entry(at, info.Size(), info.Mode(), f)
}

func (w *writer) entry(at string, size int64, mode fs.FileMode, from io.Reader) error {
	if w.size += size; w.size > maxSource {
		return fmt.Errorf("it holds more than %d MiB: leave out with %s what is no source", maxSource>>20, ignoreFiles[0])
	}
	permission := int64(0o644)
	if mode&0o111 != 0 {
		permission = 0o755
	}
	if err := w.to.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: at, Size: size, Mode: permission, Format: tar.FormatPAX}); err != nil {
		return err
	}
	if _, err := io.CopyN(w.to, from, size); err != nil {
		return fmt.Errorf("%s changed while it was read: %w", at, err)
	}
	w.bundle.Files++
	return nil
}

func (w *writer) link(root *os.Root, at string) error {
	to, err := root.Readlink(at)
	if err != nil {
		return err
	}
	if path.IsAbs(to) || !filepath.IsLocal(path.Join(path.Dir(at), to)) {
		return fmt.Errorf("%s is a link to %s, which is not a part of it", at, to)
	}
	// A link by way of another one leads where that leads.
	if _, err := root.Stat(at); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is a link to %s, which leads elsewhere: %w", at, to, err)
	}
	w.bundle.Files++
	return w.to.WriteHeader(&tar.Header{Typeflag: tar.TypeSymlink, Name: at, Linkname: to, Mode: 0o777, Format: tar.FormatPAX})
}

func (w *writer) archive(from string) error {
	z, err := zip.OpenReader(from)
	if err != nil {
		return err
	}
	defer z.Close() //nolint:errcheck // it was only read
	files := slices.Clone(z.File)
	slices.SortFunc(files, func(a, b *zip.File) int { return strings.Compare(a.Name, b.Name) })
	for _, f := range files {
		switch {
		case strings.HasSuffix(f.Name, "/"):
			continue
		case !filepath.IsLocal(f.Name), !f.Mode().IsRegular():
			return fmt.Errorf("%s in it is no file that may be unpacked", f.Name)
		case f.UncompressedSize64 > maxSource:
			return fmt.Errorf("%s in it is larger than %d MiB", f.Name, maxSource>>20)
		}
		if err := w.zipped(f); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) zipped(f *zip.File) error {
	in, err := f.Open()
	if err != nil {
		return err
	}
	defer in.Close() //nolint:errcheck // it was only read
	return w.entry(path.Clean(f.Name), int64(f.UncompressedSize64), f.Mode(), in)
}
