// SPDX-License-Identifier: Apache-2.0

package tree

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"time"
)

// Limits bound what an image may cost.
type Limits struct {
	// Bytes is the size of all files of all layers; Entries is their number.
	Bytes   int64
	Entries int
}

const (
	maxPathLen  = 4096
	maxDepth    = 128
	maxLinks    = 40
	whiteout    = ".wh."
	opaque      = ".wh..wh..opq"
	permissions = 0o777
)

// Spool holds the content of files until the tree is written.
type Spool interface {
	io.Writer
	io.ReaderAt
}

// node is what a path names. Two names of one node are a hard link.
type node struct {
	kind   byte // tar.TypeDir, TypeReg or TypeSymlink
	mode   int64
	uid    int
	gid    int
	time   time.Time
	target string
	at     int64 // in the spool
	size   int64
}

// name is one path: its node, and the layer that put it there.
type name struct {
	node  *node
	layer int
	below map[string]*name // of a directory
}

// Tree is the layers applied so far.
type Tree struct {
	spool   Spool
	limits  Limits
	root    *name
	layers  int
	bytes   int64
	entries int
}

// New makes an empty tree.
func New(spool Spool, l Limits) *Tree {
	return &Tree{spool: spool, limits: l, root: directory(0)}
}

func directory(layer int) *name {
	return &name{node: &node{kind: tar.TypeDir, mode: 0o755}, layer: layer, below: map[string]*name{}}
}

// Apply lays one more layer, a plain tar, over the tree.
func (t *Tree) Apply(r io.Reader) error {
	t.layers++
	tr := tar.NewReader(r)
	for {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading layer %d: %w", t.layers, err)
		}
		if err := t.count(); err != nil {
			return fmt.Errorf("reading layer %d: %w", t.layers, err)
		}
		if err := t.entry(h, tr); err != nil {
			return fmt.Errorf("reading layer %d: entry %.200q: %w", t.layers, h.Name, err)
		}
	}
}

func (t *Tree) entry(h *tar.Header, content io.Reader) error {
	parts, err := split(h.Name)
	if err != nil {
		return err
	}
	if len(parts) == 0 { // the root itself
		if h.Typeflag == tar.TypeDir {
			t.root.node = headerNode(h)
		}
		return nil
	}
	base := parts[len(parts)-1]
	dir, err := t.walk(parts[:len(parts)-1], true)
	if err != nil {
		return err
	}
	if base == opaque {
		t.forget(dir)
		return nil
	}
	if gone, ok := strings.CutPrefix(base, whiteout); ok {
		t.remove(dir, gone)
		return nil
	}
	return t.place(dir, base, h, content)
}

// place puts an entry into a directory; a directory over a directory keeps what is in it.
func (t *Tree) place(dir *name, base string, h *tar.Header, content io.Reader) error {
	switch h.Typeflag {
	case tar.TypeDir:
		if old := dir.below[base]; old != nil && old.below != nil {
			old.node, old.layer = headerNode(h), t.layers
			return nil
		}
		d := directory(t.layers)
		d.node = headerNode(h)
		dir.below[base] = d
	case tar.TypeReg:
		n := headerNode(h)
		var err error
		if n.at, err = t.keep(content, h.Size); err != nil {
			return err
		}
		n.size = h.Size
		dir.below[base] = &name{node: n, layer: t.layers}
	case tar.TypeSymlink:
		if len(h.Linkname) > maxPathLen || h.Linkname == "" {
			return errors.New("it links to a name that is empty or too long")
		}
		n := headerNode(h)
		n.target = h.Linkname
		dir.below[base] = &name{node: n, layer: t.layers}
	case tar.TypeLink:
		n, err := t.linked(h.Linkname)
		if err != nil {
			return err
		}
		dir.below[base] = &name{node: n, layer: t.layers}
	default: // devices and pipes have no place in a file tree
		delete(dir.below, base)
	}
	return nil
}

func headerNode(h *tar.Header) *node {
	kind := h.Typeflag
	return &node{kind: kind, mode: h.Mode & permissions, uid: h.Uid, gid: h.Gid, time: h.ModTime}
}

func (t *Tree) keep(r io.Reader, size int64) (at int64, err error) {
	at = t.bytes
	if size < 0 || size > t.limits.Bytes-t.bytes {
		return 0, fmt.Errorf("the image is larger than %d bytes", t.limits.Bytes)
	}
	n, err := io.Copy(t.spool, r)
	t.bytes += n
	if err != nil {
		return 0, fmt.Errorf("keeping its content: %w", err)
	}
	return at, nil
}

// linked is the node that a hard link names, as the tree is now.
func (t *Tree) linked(to string) (*node, error) {
	parts, err := split(to)
	if err != nil || len(parts) == 0 {
		return nil, fmt.Errorf("it is a link to %.200q, which leaves the tree", to)
	}
	dir, err := t.walk(parts[:len(parts)-1], false)
	if err != nil {
		return nil, err
	}
	if n := dir.below[parts[len(parts)-1]]; n != nil && n.below == nil {
		return n.node, nil
	}
	return nil, fmt.Errorf("it is a link to %.200q, which is no file", to)
}

// forget drops what lower layers put into a directory.
func (t *Tree) forget(dir *name) {
	for base := range dir.below {
		t.remove(dir, base)
	}
}

// remove drops what lower layers put at a name; what this layer put there stays.
func (t *Tree) remove(dir *name, base string) {
	n := dir.below[base]
	if n == nil {
		return
	}
	if n.below != nil {
		t.forget(n)
	}
	if n.layer < t.layers && len(n.below) == 0 {
		delete(dir.below, base)
	}
}

// split takes a name of a layer apart. ".." that stays inside is resolved by no runtime alike, so it is refused.
func split(p string) ([]string, error) {
	if len(p) > maxPathLen || strings.ContainsRune(p, 0) {
		return nil, errors.New("its name is too long or not text")
	}
	for part := range strings.SplitSeq(p, "/") {
		if part == ".." {
			return nil, errors.New("its name leaves the tree")
		}
	}
	clean := strings.Trim(path.Clean("/"+p), "/")
	if clean == "" {
		return nil, nil
	}
	parts := strings.Split(clean, "/")
	if len(parts) > maxDepth {
		return nil, errDeep
	}
	return parts, nil
}
