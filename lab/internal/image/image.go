// SPDX-License-Identifier: Apache-2.0

package image

import (
	"context"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Spec says what an image consists of.
type Spec struct {
	Base       v1.Image // nil for an empty one with a plain layer
	Layers     []string // files that are layers, instead of the plain one
	Binary     string   // becomes /<base name>, and the entrypoint unless one is given
	Files      []string // SRC:DST, each a file or a directory
	Links      []string // TARGET:DST, each a symbolic link
	Entrypoint []string
	Args       []string
	Env        []string
	User       string
	CA         string            // bundle for /etc/ssl/certs; none if empty
	Labels     map[string]string // LayerID in a value becomes the ID of the layer of files
}

// LayerID stands for the ID of the layer of files, which is known only once it
// is packed: labels of buildpacks name it.
const LayerID = "$(layer)"

// Build makes the image of a Spec.
func Build(s Spec) (v1.Image, error) {
	base := s.Base
	var layers []v1.Layer
	if base == nil {
		base = mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
		below, err := s.below()
		if err != nil {
			return nil, err
		}
		layers = below
	}
	files, err := s.entries()
	if err != nil {
		return nil, err
	}
	if len(files) == 0 && s.Base == nil && len(s.Layers) == 0 {
		return nil, errors.New("an image needs a binary, files, layers or a base")
	}
	if len(files) > 0 {
		l, err := layer(files)
		if err != nil {
			return nil, err
		}
		layers = append(layers, l)
	}
	img, err := mutate.AppendLayers(base, layers...)
	if err != nil {
		return nil, fmt.Errorf("adding layers: %w", err)
	}
	return s.configure(img)
}

// below are the layers that the files lie on. Whom to trust lies above what was
// packed elsewhere, which may say otherwise.
func (s Spec) below() ([]v1.Layer, error) {
	if len(s.Layers) == 0 {
		l, err := layer(plain(s.CA))
		return []v1.Layer{l}, err
	}
	var out []v1.Layer
	for _, file := range s.Layers {
		l, err := tarball.LayerFromFile(file)
		if err != nil {
			return nil, fmt.Errorf("reading the layer %s: %w", file, err)
		}
		out = append(out, l)
	}
	if s.CA == "" {
		return out, nil
	}
	l, err := layer([]entry{authorities(s.CA)})
	return append(out, l), err
}

func (s Spec) entries() ([]entry, error) {
	var all []entry
	if s.Binary != "" {
		all = append(all, entry{name: filepath.Base(s.Binary), mode: 0o755, content: onDisk(s.Binary)})
	}
	for _, f := range s.Files {
		src, dst, ok := strings.Cut(f, ":")
		if !ok || !path.IsAbs(dst) {
			return nil, fmt.Errorf("file %q: want SRC:DST with an absolute DST", f)
		}
		entries, err := from(src, dst)
		if err != nil {
			return nil, err
		}
		all = append(all, entries...)
	}
	for _, l := range s.Links {
		target, dst, ok := strings.Cut(l, ":")
		if !ok || !path.IsAbs(dst) {
			return nil, fmt.Errorf("link %q: want TARGET:DST with an absolute DST", l)
		}
		all = append(all, entry{name: strings.TrimPrefix(dst, "/"), mode: 0o777, link: target})
	}
	return all, nil
}

func (s Spec) configure(img v1.Image) (v1.Image, error) {
	was, err := img.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("reading the image's configuration: %w", err)
	}
	cf := was.DeepCopy()
	cf.Created, cf.Container, cf.DockerVersion, cf.History = v1.Time{Time: epoch}, "", "", nil
	if cf.OS == "" {
		cf.OS, cf.Architecture = "linux", runtime.GOARCH
	}
	switch {
	case len(s.Entrypoint) > 0:
		cf.Config.Entrypoint, cf.Config.Cmd = s.Entrypoint, nil
	case s.Binary != "":
		cf.Config.Entrypoint, cf.Config.Cmd = []string{"/" + filepath.Base(s.Binary)}, nil
	}
	if len(s.Args) > 0 {
		cf.Config.Cmd = s.Args
	}
	if len(cf.Config.Env) == 0 {
		cf.Config.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
	}
	cf.Config.Env = append(slices.DeleteFunc(cf.Config.Env, s.sets), s.Env...)
	if s.User != "" {
		cf.Config.User = s.User
	}
	for k, v := range s.Labels {
		if cf.Config.Labels == nil {
			cf.Config.Labels = map[string]string{}
		}
		// The last layer is the one of the files: a base has no labels to fill in.
		cf.Config.Labels[k] = strings.ReplaceAll(v, LayerID, cf.RootFS.DiffIDs[len(cf.RootFS.DiffIDs)-1].String())
	}
	return mutate.ConfigFile(img, cf)
}

// sets says whether the Spec has a value of its own for a variable of the image.
func (s Spec) sets(variable string) bool {
	name, _, _ := strings.Cut(variable, "=")
	return slices.ContainsFunc(s.Env, func(e string) bool { return strings.HasPrefix(e, name+"=") })
}

// Pushable is an image, or an index of several.
type Pushable interface {
	remote.Taggable
	Digest() (v1.Hash, error)
}

// Push sends an image to its registry, which on loopback is spoken to in
// plain HTTP, and returns name:tag@digest.
func Push(ctx context.Context, ref string, img Pushable, more ...remote.Option) (string, error) {
	tag, err := name.ParseReference(ref)
	if err != nil {
		return "", fmt.Errorf("reading the image's name: %w", err)
	}
	digest, err := img.Digest()
	if err != nil {
		return "", fmt.Errorf("computing the digest: %w", err)
	}
	options := append([]remote.Option{remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain)}, more...)
	switch what := img.(type) {
	case v1.ImageIndex:
		err = remote.WriteIndex(tag, what, options...)
	case v1.Image:
		err = remote.Write(tag, what, options...)
	}
	if err != nil {
		return "", fmt.Errorf("pushing %s: %w", ref, err)
	}
	return ref + "@" + digest.String(), nil
}

// Exists says whether a registry has the image.
func Exists(ctx context.Context, ref string) bool {
	r, err := name.ParseReference(ref)
	if err != nil {
		return false
	}
	_, err = remote.Head(r, remote.WithContext(ctx))
	return err == nil
}

// Alias has a registry answer to another name for an image that it has, unless
// it does so already. Nothing is sent but the manifest.
func Alias(ctx context.Context, pushed, alias string) error {
	ref, err := name.NewDigest(pushed)
	if err != nil {
		return fmt.Errorf("reading the image's name: %w", err)
	}
	tag, err := name.NewTag(alias)
	if err != nil {
		return fmt.Errorf("reading the image's other name: %w", err)
	}
	if d, err := remote.Head(tag, remote.WithContext(ctx)); err == nil && d.Digest.String() == ref.DigestStr() {
		return nil
	}
	img, err := remote.Image(ref, remote.WithContext(ctx))
	if err != nil {
		return fmt.Errorf("fetching %s: %w", pushed, err)
	}
	if err := remote.Write(tag, img, remote.WithContext(ctx)); err != nil {
		return fmt.Errorf("naming %s %s: %w", pushed, alias, err)
	}
	return nil
}

// Pull fetches an image to build on.
func Pull(ctx context.Context, ref string) (v1.Image, error) {
	r, err := name.ParseReference(ref)
	if err != nil {
		return nil, fmt.Errorf("reading the base's name: %w", err)
	}
	img, err := remote.Image(r, remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain))
	if err != nil {
		return nil, fmt.Errorf("fetching the base %s: %w", ref, err)
	}
	return img, nil
}

// Write puts an image into an OCI layout directory and returns its digest.
func Write(dir string, img v1.Image) (string, error) {
	digest, err := img.Digest()
	if err != nil {
		return "", fmt.Errorf("computing the digest: %w", err)
	}
	p, err := layout.FromPath(dir)
	if err != nil {
		if p, err = layout.Write(dir, empty.Index); err != nil {
			return "", fmt.Errorf("making the layout %s: %w", dir, err)
		}
	}
	if err := p.ReplaceImage(img, func(d v1.Descriptor) bool { return d.Digest == digest }); err != nil {
		return "", fmt.Errorf("writing to the layout %s: %w", dir, err)
	}
	return digest.String(), nil
}
