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

// trail is the way from the root to a directory, and what is left of the path to go.
type trail struct {
	dirs  []*name
	names []string
	left  []string
	links int
}

// walk finds a directory, following links as a runtime would: inside the tree. A part that is missing, or no directory,
// becomes one if it may be created.
func (t *Tree) walk(parts []string, create bool) (*name, error) {
	w := &trail{dirs: []*name{t.root}, left: parts}
	for len(w.left) > 0 {
		part := w.left[0]
		w.left = w.left[1:]
		var err error
		switch next := w.here().below[part]; {
		case part == "" || part == ".":
		case part == "..":
			w.up()
		case next != nil && next.node.kind == tar.TypeSymlink:
			err = w.follow(next.node.target)
		case next != nil && next.below != nil:
			err = w.down(part, next)
		case create:
			next, err = t.create(w.here(), part)
			if err == nil {
				err = w.down(part, next)
			}
		default:
			err = fmt.Errorf("folder %.200q is missing", strings.Join(append(w.names, part), "/"))
		}
		if err != nil {
			return nil, err
		}
	}
	return w.here(), nil
}

func (w *trail) here() *name { return w.dirs[len(w.dirs)-1] }

func (w *trail) up() {
	if len(w.names) > 0 {
		w.dirs, w.names = w.dirs[:len(w.dirs)-1], w.names[:len(w.names)-1]
	}
}

func (w *trail) down(part string, next *name) error {
	w.dirs, w.names = append(w.dirs, next), append(w.names, part)
	if len(w.names) > maxDepth {
		return errDeep
	}
	return nil
}

func (w *trail) follow(target string) error {
	if w.links++; w.links > maxLinks {
		return errLinks
	}
	if strings.HasPrefix(target, "/") {
		w.dirs, w.names = w.dirs[:1], nil
	}
	w.left = slices.Concat(strings.Split(target, "/"), w.left)
	return nil
}

func (t *Tree) create(at *name, part string) (*name, error) {
	if err := t.count(); err != nil {
		return nil, err
	}
	d := directory(t.layers)
	at.below[part] = d
	return d, nil
}

// count takes one entry of the limit: folders that only a path implies cost as much as others.
func (t *Tree) count() error {
	if t.entries++; t.entries > t.limits.Entries {
		return fmt.Errorf("the image has more than %d entries", t.limits.Entries)
	}
	return nil
}
