// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"fmt"

	"sigs.k8s.io/yaml"

	"rhumb.run/rhumb/internal/core/image"
)

// LockKind is the kind of a lock file.
const LockKind = "ImageLock"

// Lock says which images there are and what they were when they were copied.
type Lock struct {
	Kind   string   `json:"kind"`
	Images []Locked `json:"images"`
}

// Locked is one of them.
type Locked struct {
	// Origin is how people write the image.
	Origin string `json:"origin"`
	// Image is where it is now, with its digest.
	Image  string `json:"image"`
	Digest string `json:"digest"`
}

// LockOf is the lock of what lies in an archive, under the names that it had.
func LockOf(entries []Entry) Lock {
	l := Lock{Kind: LockKind, Images: []Locked{}}
	for _, e := range entries {
		l.Images = append(l.Images, Locked{Origin: e.Written(), Image: pinned(e.Name, e.Digest), Digest: e.Digest})
	}
	return l
}

// Written is the name as people write it, as far as that is known.
func (e Entry) Written() string {
	if e.Origin != "" {
		return e.Origin
	}
	return canonical(e.Name)
}

func pinned(r image.Ref, digest string) string {
	name := r.Host + "/" + r.Repository
	if r.Tag != "" {
		name += ":" + r.Tag
	}
	return name + "@" + digest
}

// YAML is the lock as a file.
func (l Lock) YAML() ([]byte, error) {
	raw, err := yaml.Marshal(l)
	if err != nil {
		return nil, fmt.Errorf("writing %s: %w", LockFile, err)
	}
	return raw, nil
}

// ParseLock reads a lock.
func ParseLock(raw []byte) (Lock, error) {
	var l Lock
	if err := yaml.UnmarshalStrict(raw, &l); err != nil {
		return l, fmt.Errorf("reading the lock: %w", err)
	}
	if l.Kind != LockKind {
		return l, fmt.Errorf("reading the lock: its kind is %q, want %s", l.Kind, LockKind)
	}
	return l, nil
}
