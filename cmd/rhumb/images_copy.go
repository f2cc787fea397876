// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"

	"github.com/spf13/cobra"

	"rhumb.run/rhumb/internal/core/clone"
	"rhumb.run/rhumb/internal/core/image"
	"rhumb.run/rhumb/internal/registry"
)

type copyFlags struct {
	transferring
	naming
	platforms
	overwrite bool
}

func newCopy(io *streams) *cobra.Command {
	f := &copyFlags{}
	cmd := &cobra.Command{
		Use:   "copy SOURCE... TARGET",
		Short: "Copy images from one registry to another, whole and under the same digest",
		Long: `copy copies images whole: each platform, under the same digest. What the target has
is not sent again, and the tag is written last, so that no half image has a name.

TARGET is an image, or a registry, with or without a path that ends in a slash: the
repository then follows from the source, as --naming says.`,
		Example: `  rhumb images copy nginx:1.27 registry.example.com/web/nginx:1.27
  rhumb images copy nginx:1.27 localhost:5000
  rhumb images copy nginx:1.27 quay.io/team/app:2 registry.example.com/mirror/ --naming HostPath`,
		Args: exactly(cobra.MinimumNArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.run(cmd, io, args[:len(args)-1], args[len(args)-1])
		},
	}
	f.transferring.flags(cmd)
	f.naming.flags(cmd, clone.Flat)
	f.platforms.flags(cmd)
	cmd.Flags().BoolVar(&f.overwrite, "overwrite", false, "move a tag of the target that is another image")
	return cmd
}

func (f *copyFlags) run(cmd *cobra.Command, io *streams, sources []string, target string) error {
	if err := errors.Join(f.transferring.check(), f.platforms.check()); err != nil {
		return err
	}
	pairs, err := f.pairs(sources, target)
	if err != nil {
		return err
	}
	var named []string
	jobs := make([]transfer, 0, len(pairs))
	for _, p := range pairs {
		named = append(named, hostsOf(p.source, p.target)...)
		jobs = append(jobs, transfer{
			job: registry.Job{
				Source: p.source, Target: p.target, Replace: func(string) bool { return f.overwrite },
				Platforms: f.only, Verify: true, Anchor: p.target.Tag == "",
			},
			from: p.source.Written, to: tagged(p.target),
		})
	}
	client, err := f.client(named)
	if err != nil {
		return err
	}
	_, err = f.all(cmd.Context(), io, &registry.Copier{Client: client}, jobs)
	return err
}

// pair is an image and where its copy is; digest is what that has to be, where it is known.
type pair struct {
	source, target image.Ref
	digest         string
}

// pairs says where each source goes.
func (n *naming) pairs(sources []string, target string) ([]pair, error) {
	var into *clone.Target
	if registryOnly(target) {
		t, err := n.target(target)
		if err != nil {
			return nil, err
		}
		into = &t
	} else if len(sources) > 1 {
		return nil, usagef("%s is one image: to copy several, name a registry, or a path that ends in a slash", target)
	}
	var out []pair
	for _, s := range sources {
		from, err := parseImage(s)
		if err != nil {
			return nil, err
		}
		to, err := n.at(from, into, target)
		if err != nil {
			return nil, err
		}
		out = append(out, pair{source: from, target: to})
	}
	return out, nil
}

func (n *naming) at(from image.Ref, into *clone.Target, target string) (image.Ref, error) {
	if into != nil {
		to, err := into.Of(from)
		return untied(to), err
	}
	to, err := parseImage(target)
	if err != nil {
		return to, err
	}
	if to.Pinned() {
		return to, usagef("%s has a digest: a copy has that of its source", target)
	}
	return to, nil
}

// untied is a target by its tag, which is to be written, or by its digest if it has no tag.
func untied(r image.Ref) image.Ref {
	if r.Tag != "" {
		r.Digest = ""
		r.Written = r.Name + ":" + r.Tag
	}
	return r
}

// tagged is a target without its digest, which is told behind it.
func tagged(r image.Ref) string {
	if r.Tag != "" {
		return r.Name + ":" + r.Tag
	}
	return r.Name
}
