// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/spf13/cobra"

	"rhumb.run/rhumb/lab/internal/hub"
	"rhumb.run/rhumb/lab/internal/image"
	"rhumb.run/rhumb/lab/internal/layout"
)

// pushFlags are those of "push".
type pushFlags struct {
	where
	spec           image.Spec
	ref, base, dir string
	platforms      []string
}

func pushCommand() *cobra.Command {
	p := &pushFlags{}
	cmd := &cobra.Command{
		Use:   "push --ref REF --binary FILE",
		Short: "Make an image of a program and push it; equal input gives an equal digest",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return p.run(cmd) },
	}
	p.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&p.ref, "ref", "", "name of the image, for example localhost:5000/apps/demo; without a host it goes to the lab's registry")
	f.StringVar(&p.spec.Binary, "binary", "", "static program, at / in the image and its entrypoint")
	f.StringArrayVar(&p.spec.Files, "file", nil, "SRC:DST, a file or directory to add; may be repeated")
	f.StringArrayVar(&p.spec.Layers, "layer", nil, "layer to build on, packed elsewhere; may be repeated")
	f.StringArrayVar(&p.spec.Entrypoint, "entrypoint", nil, "entrypoint instead of the program; may be repeated")
	f.StringArrayVar(&p.spec.Args, "arg", nil, "argument of the entrypoint; may be repeated")
	f.StringArrayVar(&p.spec.Env, "env", nil, "NAME=VALUE; may be repeated")
	f.StringVar(&p.spec.User, "user", "65532", "user the program runs as")
	f.StringVar(&p.spec.CA, "ca", "", "bundle of authorities for /etc/ssl/certs")
	f.StringToStringVar(&p.spec.Labels, "label", nil, "NAME=VALUE on the image; may be repeated")
	f.StringArrayVar(&p.platforms, "platform", nil, "OS/ARCHITECTURE to push the same for, in an index; may be repeated")
	f.StringVar(&p.base, "base", "", "image to build on, instead of an empty one")
	f.StringVar(&p.dir, "layout", "", "write to this OCI layout directory")
	return cmd
}

func (p *pushFlags) run(cmd *cobra.Command) error {
	if p.ref == "" && p.dir == "" {
		return errors.New("where to? name an image with --ref, or a directory with --layout")
	}
	if p.base != "" {
		img, err := image.Pull(cmd.Context(), p.base)
		if err != nil {
			return err
		}
		p.spec.Base = img
	}
	img, err := image.Build(p.spec)
	if err != nil {
		return fmt.Errorf("making the image: %w", err)
	}
	if p.dir != "" {
		digest, err := image.Write(p.dir, img)
		if err != nil {
			return err
		}
		fmt.Fprintln(cmd.OutOrStdout(), p.dir+"@"+digest)
	}
	if p.ref == "" {
		return nil
	}
	ref, err := p.locate(p.ref)
	if err != nil {
		return err
	}
	var what image.Pushable = img
	if len(p.platforms) > 0 {
		if what, err = image.Index(img, p.platforms); err != nil {
			return err
		}
	}
	pushed, err := image.Push(cmd.Context(), ref, what, p.by(ref)...)
	if err != nil {
		return err
	}
	fmt.Fprintln(cmd.OutOrStdout(), pushed)
	return nil
}

// by is how an image gets to its registry: to what plays Docker Hub by a socket,
// since it has no address on the machine.
func (w *where) by(ref string) []remote.Option {
	tag, err := name.ParseReference(ref)
	if err != nil {
		return nil // who pushes says so
	}
	l, err := w.layout()
	if err != nil {
		return nil
	}
	s, err := l.Load()
	if err != nil || !slices.Contains(s.OutsideNames(layout.OutsideHub), tag.Context().RegistryStr()) {
		return nil
	}
	return []remote.Option{remote.WithTransport(hub.Transport(l.HubSocket()))}
}

// locate adds the lab's own registry to a name that has none.
func (w *where) locate(ref string) (string, error) {
	host, _, ok := strings.Cut(ref, "/")
	if ok && (host == "localhost" || strings.ContainsAny(host, ".:")) {
		return ref, nil
	}
	l, err := w.layout()
	if err != nil {
		return "", err
	}
	s, err := l.Load()
	if err != nil {
		return "", fmt.Errorf("looking for the registry that %q goes to: %w", ref, err)
	}
	if s.RegistryPort == 0 {
		return "", fmt.Errorf("%q names no registry, and the lab in %s has none", ref, l.Root)
	}
	return fmt.Sprintf("localhost:%d/%s", s.RegistryPort, ref), nil
}
