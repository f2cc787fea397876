// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"sync"
)

const block = 512

// span is where a file's content is in a tar.
type span struct{ at, size int64 }

// packed is a layout in a tar that is there.
type packed struct {
	file  *os.File
	spans map[string]span
}

// openTar reads where everything is; contents stay where they are.
func openTar(name string) (*packed, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("opening the archive: %w", err)
	}
	p := &packed{f, map[string]span{}}
	if err := p.scan(name); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return p, nil
}

func (p *packed) scan(name string) error {
	magic := make([]byte, 2)
	if _, err := p.file.ReadAt(magic, 0); err == nil && bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		return fmt.Errorf("%s is compressed, which its blobs are already: unpack it with gunzip first", name)
	}
	r := tar.NewReader(p.file)
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return damaged("it is no tar, or ends too early: %v", err)
		}
		if err := p.entry(h); err != nil {
			return err
		}
	}
}

func (p *packed) entry(h *tar.Header) error {
	name := strings.TrimPrefix(h.Name, "./")
	if h.Typeflag == tar.TypeDir {
		name = strings.TrimSuffix(name, "/")
	}
	if name != "" && name != "." && !fs.ValidPath(name) {
		return fmt.Errorf("%q is in the archive, and leads out of it: whoever made that is not to be trusted; nothing was read", h.Name)
	}
	switch h.Typeflag {
	case tar.TypeDir, tar.TypeXGlobalHeader:
		return nil
	case tar.TypeReg:
	default:
		return fmt.Errorf("%q in the archive is a link or a device, of which no layout has any: whoever made that is not to be trusted; nothing was read", h.Name)
	}
	at, err := p.file.Seek(0, io.SeekCurrent)
	if err != nil {
		return fmt.Errorf("reading the archive: %w", err)
	}
	p.spans[path.Clean(name)] = span{at, h.Size}
	return nil
}

func (p *packed) open(name string) (io.ReadSeekCloser, int64, error) {
	s, ok := p.spans[name]
	if !ok {
		return nil, 0, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return section{io.NewSectionReader(p.file, s.at, s.size)}, s.size, nil
}

func (p *packed) blob(string, int64, io.Reader) error { return errors.ErrUnsupported }
func (p *packed) seal([]file) error                   { return errors.ErrUnsupported }
func (p *packed) close() error                        { return p.file.Close() }

// section is a part of a file that others read too.
type section struct{ *io.SectionReader }

func (section) Close() error { return nil }

// packing is a layout in a tar that is being written. Each blob is given its place before it arrives, so that several
// arrive at once and nothing lies anywhere twice. Until it is sealed it has another name.
type packing struct {
	name string
	packed
	mu     sync.Mutex
	end    int64
	places map[string]*place
	sealed bool
}

// place is where a blob goes; whoever sends it holds the lock.
type place struct {
	sync.Mutex
	span
	there bool
}

const partialSuffix = ".partial"

func makeTar(name string) (*packing, error) {
	if _, err := os.Stat(name); err == nil {
		return nil, fmt.Errorf("%s is there already, and a tar is written once: name another, or remove it", name)
	}
	f, err := os.Create(name + partialSuffix)
	if err != nil {
		return nil, fmt.Errorf("making the archive: %w", err)
	}
	p := &packing{name: name, packed: packed{f, map[string]span{}}, places: map[string]*place{}}
	return p, p.append(file{layoutFile, []byte(layoutText)})
}

func (p *packing) open(name string) (io.ReadSeekCloser, int64, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.packed.open(name)
}

func (p *packing) blob(digest string, size int64, r io.Reader) error {
	at, err := p.place(digest, size)
	if err != nil {
		return err
	}
	at.Lock()
	defer at.Unlock()
	if at.there {
		return nil
	}
	if at.size != size {
		return errWrongSize
	}
	if _, err := io.Copy(io.NewOffsetWriter(p.file, at.at), &proven{r: r, want: digest, size: size, hash: sha256.New()}); err != nil {
		return err
	}
	at.there = true
	p.mu.Lock()
	defer p.mu.Unlock()
	p.spans[blobFile(digest)] = at.span
	return nil
}

// place is the one that a blob has, or one behind all others.
func (p *packing) place(digest string, size int64) (*place, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if at, ok := p.places[digest]; ok {
		return at, nil
	}
	s, err := p.reserve(blobFile(digest), size)
	if err != nil {
		return nil, err
	}
	at := &place{span: s}
	p.places[digest] = at
	return at, nil
}

// reserve writes the header of a file at the end.
func (p *packing) reserve(name string, size int64) (span, error) {
	var header bytes.Buffer
	if err := tar.NewWriter(&header).WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: size, Format: format(size)}); err != nil {
		return span{}, fmt.Errorf("writing %s: %w", name, err)
	}
	if _, err := p.file.WriteAt(header.Bytes(), p.end); err != nil {
		return span{}, fmt.Errorf("writing %s: %w", name, err)
	}
	s := span{p.end + int64(header.Len()), size}
	p.end = s.at + (size+block-1)/block*block
	return s, nil
}

// format is one that has numbers of that size.
func format(size int64) tar.Format {
	if size >= 8<<30 {
		return tar.FormatPAX
	}
	return tar.FormatUSTAR
}

// void gives the place of a blob that is not whole a name that nobody takes for a blob's.
func (p *packing) void(digest string, s span) error {
	var header bytes.Buffer
	name := voidPrefix + strings.TrimPrefix(digest, "sha256:")
	if err := tar.NewWriter(&header).WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: s.size, Format: format(s.size)}); err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	if _, err := p.file.WriteAt(header.Bytes(), s.at-int64(header.Len())); err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	return nil
}

func (p *packing) append(x file) error {
	s, err := p.reserve(x.name, int64(len(x.data)))
	if err != nil {
		return err
	}
	if _, err := p.file.WriteAt(x.data, s.at); err != nil {
		return fmt.Errorf("writing %s: %w", x.name, err)
	}
	p.spans[x.name] = s
	return nil
}

// voidPrefix is where the places of blobs are that never arrived whole.
const voidPrefix = ".incomplete/"

// seal ends the tar and gives it its name.
func (p *packing) seal(files []file) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for digest, at := range p.places {
		if at.there {
			continue
		}
		if err := p.void(digest, at.span); err != nil {
			return err
		}
	}
	for _, x := range files {
		if err := p.append(x); err != nil {
			return err
		}
	}
	// Two blocks of nothing are a tar's end.
	err := p.file.Truncate(p.end + 2*block)
	if err == nil {
		err = p.file.Sync()
	}
	if err == nil {
		err = os.Rename(p.name+partialSuffix, p.name)
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", p.name, err)
	}
	p.sealed = true
	return nil
}

func (p *packing) close() error {
	err := p.file.Close()
	if !p.sealed {
		err = errors.Join(err, os.Remove(p.name+partialSuffix))
	}
	return err
}
