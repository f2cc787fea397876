// SPDX-License-Identifier: Apache-2.0

package tree

import (
	"archive/tar"
	"errors"
	"fmt"
	"slices"
	"strings"
)

var (
	errLinks = errors.New("its folder is a link that leads in a circle")
	errDeep  = fmt.Errorf("it lies more than %d folders deep", maxDepth)
)

// trail is the way from the root to a directory.
type trail struct {
	dirs  []*name
	names []string
	links int
}

// walk finds a directory, following links as a runtime would: inside the tree. A part that is missing, or no directory,
// becomes one if it may be created.
func (t *Tree) walk(parts []string, create bool) (*name, error) {
	w := &trail{dirs: []*name{t.root}}
	for len(parts) > 0 {
		part := parts[0]
		parts = parts[1:]
		switch part {
		case "", ".":
			continue
		case "..":
			w.up()
			continue
		}
		at := w.dirs[len(w.dirs)-1]
		next := at.below[part]
		if next != nil && next.node.kind == tar.TypeSymlink {
			if w.links++; w.links > maxLinks {
				return nil, errLinks
			}
			if strings.HasPrefix(next.node.target, "/") {
				w.dirs, w.names = w.dirs[:1], nil
			}
			parts = slices.Concat(strings.Split(next.node.target, "/"), parts)
			continue
		}
		if next == nil || next.below == nil {
			if !create {
				return nil, fmt.Errorf("folder %.200q is missing", strings.Join(append(w.names, part), "/"))
			}
			if err := t.count(); err != nil {
				return nil, err
			}
			next = directory(t.layers)
			at.below[part] = next
		}
		w.dirs, w.names = append(w.dirs, next), append(w.names, part)
		if len(w.names) > maxDepth {
			return nil, errDeep
		}
	}
	return w.dirs[len(w.dirs)-1], nil
}

func (w *trail) up() {
	if len(w.names) > 0 {
		w.dirs, w.names = w.dirs[:len(w.dirs)-1], w.names[:len(w.names)-1]
	}
}

// count takes one entry of the limit: folders that only a path implies cost as much as others.
func (t *Tree) count() error {
	if t.entries++; t.entries > t.limits.Entries {
		return fmt.Errorf("the image has more than %d entries", t.limits.Entries)
	}
	return nil
}
