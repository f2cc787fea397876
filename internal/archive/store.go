// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
)

// store is where the files of a layout are. A blob that is not there is fs.ErrNotExist.
type store interface {
	// open reads a file from its start.
	open(name string) (io.ReadSeekCloser, int64, error)
	// blob stores content under its digest, or fails and leaves nothing there.
	blob(digest string, size int64, r io.Reader) error
	// seal writes what names the blobs.
	seal(files []file) error
	// close ends it; what was not sealed is lost in a tar, and found again in a folder.
	close() error
}

type file struct {
	name string
	data []byte
}

// folder is a layout as files.
type folder struct{ root *os.Root }

// makeFolder opens a folder to write to: one that has a layout, or nothing.
func makeFolder(dir string) (*folder, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, fmt.Errorf("making the archive: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("making the archive: %w", err)
	}
	f := &folder{root}
	if err := f.prepare(dir); err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return f, nil
}

func (f *folder) prepare(dir string) error {
	if _, err := f.root.Stat(layoutFile); errors.Is(err, fs.ErrNotExist) {
		if has, err := fs.ReadDir(f.root.FS(), "."); err != nil || len(has) > 0 {
			return errors.Join(fmt.Errorf("%s has files, and none of them is %s: name an empty folder, or one that images were exported to", dir, layoutFile), err)
		}
	}
	if err := f.root.MkdirAll(strings.TrimSuffix(blobPrefix, "/"), 0o777); err != nil {
		return fmt.Errorf("making the archive: %w", err)
	}
	// First of all, so that what an interrupted export leaves is known for what it is.
	return f.replace(layoutFile, strings.NewReader(layoutText))
}

func openFolder(dir string) (*folder, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("opening the archive: %w", err)
	}
	return &folder{root}, nil
}

func (f *folder) open(name string) (io.ReadSeekCloser, int64, error) {
	file, err := f.root.Open(name)
	if err != nil {
		return nil, 0, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = damaged("%s is no file", name)
	}
	if err != nil {
		return nil, 0, errors.Join(err, file.Close())
	}
	return file, info.Size(), nil
}

func (f *folder) blob(digest string, size int64, r io.Reader) error {
	return f.replace(blobFile(digest), &proven{r: r, want: digest, size: size, hash: sha256.New()})
}

func (f *folder) seal(files []file) error {
	for _, x := range files {
		if err := f.replace(x.name, strings.NewReader(string(x.data))); err != nil {
			return err
		}
	}
	return nil
}

// replace writes a file whole, or not at all.
func (f *folder) replace(name string, r io.Reader) error {
	partial := path.Join(path.Dir(name), ".partial-"+rand.Text())
	out, err := f.root.OpenFile(partial, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	_, err = io.Copy(out, r)
	err = errors.Join(err, out.Close())
	if err == nil {
		err = f.root.Rename(partial, name)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("writing %s: %w", name, err), f.root.Remove(partial))
	}
	return nil
}

func (f *folder) close() error { return f.root.Close() }

func blobFile(digest string) string { return blobPrefix + strings.TrimPrefix(digest, "sha256:") }

// proven ends well only if what was read is what was promised.
type proven struct {
	r    io.Reader
	want string
	size int64 // -1 if nobody said
	hash interface {
		io.Writer
		Sum([]byte) []byte
	}
	read int64
}

func (p *proven) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	p.hash.Write(b[:n]) //nolint:errcheck // a hash takes everything
	p.read += int64(n)
	if p.size >= 0 && p.read > p.size {
		return 0, errWrongSize
	}
	if errors.Is(err, io.EOF) {
		if p.size >= 0 && p.read != p.size {
			return 0, errWrongSize
		}
		if got := "sha256:" + hex.EncodeToString(p.hash.Sum(nil)); got != p.want {
			return 0, errWrongDigest
		}
	}
	return n, err
}

var (
	errWrongSize   = errors.New("content is not as long as it was said to be")
	errWrongDigest = errors.New("content does not have the digest that it was said to have")
)
