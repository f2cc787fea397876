// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"rhumb.run/rhumb/internal/archive"
	"rhumb.run/rhumb/internal/core/clone"
	"rhumb.run/rhumb/internal/core/image"
	"rhumb.run/rhumb/internal/paper"
)

// maxNamed is how much is read of a file that names images.
const maxNamed = 64 << 20

// readImages are the images of a command line and of files, each once.
func readImages(io *streams, args, files []string) ([]image.Ref, error) {
	var out []image.Ref
	for _, s := range args {
		r, err := parseImage(s)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	for _, f := range files {
		raw, err := readNamed(io, f)
		if err != nil {
			return nil, err
		}
		names, err := imagesIn(f, raw)
		if err != nil {
			return nil, err
		}
		if len(names) == 0 {
			return nil, errNoImage(f)
		}
		for _, n := range names {
			r, err := image.Parse(n)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", f, err)
			}
			out = append(out, r)
		}
	}
	return distinct(out)
}

func readNamed(streams *streams, file string) ([]byte, error) {
	from := streams.in
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, err
		}
		defer f.Close() //nolint:errcheck // it was only read
		from = f
	}
	raw, err := io.ReadAll(io.LimitReader(from, maxNamed+1))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", file, err)
	}
	if len(raw) > maxNamed {
		return nil, fmt.Errorf("reading %s: larger than %d bytes", file, maxNamed)
	}
	return raw, nil
}

// imagesIn are the images that a text names: a lock, objects, or one a line.
func imagesIn(file string, raw []byte) ([]string, error) {
	var head struct {
		Kind string `json:"kind"`
	}
	first, _, _ := bytes.Cut(raw, []byte("\n---"))
	if yaml.Unmarshal(first, &head) == nil && head.Kind == archive.LockKind {
		lock, err := archive.ParseLock(raw)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		var out []string
		for _, l := range lock.Images {
			out = append(out, lockedImage(l))
		}
		return out, nil
	}
	if bytes.Contains(raw, []byte("kind:")) || bytes.Contains(raw, []byte(`"kind"`)) {
		return imagesOfObjects(file, raw)
	}
	var out []string
	for l := range strings.Lines(string(raw)) {
		l, _, _ = strings.Cut(l, "#")
		if l = strings.TrimSpace(l); l != "" {
			out = append(out, l)
		}
	}
	return out, nil
}

// lockedImage is an image of a lock by its origin's name, as it was when it was locked.
func lockedImage(l archive.Locked) string {
	if strings.Contains(l.Origin, "@") {
		return l.Origin
	}
	return l.Origin + "@" + l.Digest
}

// imagesOfObjects are the images of all pods that objects are or make.
func imagesOfObjects(file string, raw []byte) ([]string, error) {
	docs, err := paper.Parse(file, raw)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, d := range docs {
		if d.Object == nil {
			continue
		}
		if spec := podSpecOf(d.Object); spec != nil {
			for _, s := range clone.Slots(spec) {
				if !slices.Contains(out, s.Image) && s.Image != "" {
					out = append(out, s.Image)
				}
			}
		}
	}
	return out, nil
}

// podSpecOf is the pod that an object is or makes; nil if it is of another sort.
func podSpecOf(u *unstructured.Unstructured) *corev1.PodSpec {
	for _, path := range [][]string{
		{"spec", "jobTemplate", "spec", "template", "spec"}, {"spec", "template", "spec"}, {"template", "spec"}, {"spec"},
	} {
		at, ok, err := unstructured.NestedMap(u.Object, path...)
		if err != nil || !ok || at["containers"] == nil {
			continue
		}
		raw, err := json.Marshal(at)
		if err != nil {
			return nil
		}
		spec := &corev1.PodSpec{}
		if json.Unmarshal(raw, spec) == nil {
			return spec
		}
	}
	return nil
}
