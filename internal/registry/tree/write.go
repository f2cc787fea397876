// SPDX-License-Identifier: Apache-2.0

package tree

import (
	"archive/tar"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"
)

// Write writes the tree as a tar, sorted by path.
func (t *Tree) Write(w io.Writer) error {
	tw := tar.NewWriter(w)
	if err := t.write(tw, nil, t.root); err != nil {
		return err
	}
	if err := tw.Close(); err != nil {
		return fmt.Errorf("writing the tree: %w", err)
	}
	return nil
}

func (t *Tree) write(tw *tar.Writer, at []string, dir *name) error {
	bases := make([]string, 0, len(dir.below))
	for base := range dir.below {
		bases = append(bases, base)
	}
	slices.Sort(bases)
	for _, base := range bases {
		n := dir.below[base]
		full := append(slices.Clone(at), base)
		if err := t.writeOne(tw, full, n.node); err != nil {
			return fmt.Errorf("writing %.200q: %w", strings.Join(full, "/"), err)
		}
		if n.below != nil {
			if err := t.write(tw, full, n); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *Tree) writeOne(tw *tar.Writer, full []string, n *node) error {
	h := &tar.Header{
		Typeflag: n.kind, Name: strings.Join(full, "/"), Mode: n.mode, Uid: n.uid, Gid: n.gid,
		ModTime: n.time.Truncate(time.Second).UTC(), Size: n.size,
	}
	switch n.kind {
	case tar.TypeDir:
		h.Name += "/"
	case tar.TypeSymlink:
		h.Linkname = inside(full[:len(full)-1], n.target)
	}
	if err := tw.WriteHeader(h); err != nil {
		return err
	}
	if n.kind != tar.TypeReg {
		return nil
	}
	_, err := io.Copy(tw, io.NewSectionReader(t.spool, n.at, n.size))
	return err
}

// inside rewrites a link that is absolute, or that might climb over the root, to the relative one that means the same in a
// container, whose root is the tree's. Any other link is left as it is.
func inside(dir []string, target string) string {
	absolute := strings.HasPrefix(target, "/")
	if !absolute && staysIn(dir, target) {
		return target
	}
	to := path.Clean(target)
	if !absolute {
		to = path.Join("/"+strings.Join(dir, "/"), target)
	}
	rel := strings.TrimSuffix(strings.Repeat("../", len(dir))+strings.TrimPrefix(to, "/"), "/")
	if rel == "" {
		return "."
	}
	return rel
}

// staysIn reports whether a relative link first climbs, not over the root, and then only descends. A ".." after a name
// cannot be told from its text alone, since the name may be a link itself.
func staysIn(dir []string, target string) bool {
	climbed, named := 0, false
	for part := range strings.SplitSeq(target, "/") {
		switch part {
		case "", ".":
		case "..":
			if climbed++; named || climbed > len(dir) {
				return false
			}
		default:
			named = true
		}
	}
	return true
}
