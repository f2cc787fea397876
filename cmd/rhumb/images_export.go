// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"rhumb.run/rhumb/internal/archive"
	"rhumb.run/rhumb/internal/core/image"
	"rhumb.run/rhumb/internal/registry"
)

type exportFlags struct {
	transferring
	platforms
	files []string
	to    string
}

func newExport(io *streams) *cobra.Command {
	f := &exportFlags{}
	cmd := &cobra.Command{
		Use:   "export IMAGE... --to DIR|FILE.tar",
		Short: "Put images into a folder or a tar, to be carried where no network leads",
		Long: `export writes images, whole, as an OCI image layout: a folder, or a tar that is written
once. What several images share is in it once. A folder may be exported to again:
only what is new is fetched. images.lock.yaml in it says which image is which digest.

-f reads images from a file: one a line, a lock (images.lock.yaml), or objects of
Kubernetes, of which all images are taken.`,
		Example: `  rhumb images export nginx:1.27 quay.io/team/app:2 --to images.tar
  kubectl get deployments -A -o yaml | rhumb images export -f - --to ./images`,
		Args: exactly(cobra.ArbitraryArgs),
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, io, args) },
	}
	f.transferring.flags(cmd)
	f.platforms.flags(cmd)
	cmd.Flags().StringSliceVarP(&f.files, "file", "f", nil, "files that name images; - is standard input")
	cmd.Flags().StringVar(&f.to, "to", "", "a folder, or a tar if it ends in .tar")
	return cmd
}

func (f *exportFlags) run(cmd *cobra.Command, io *streams, args []string) (err error) {
	if err := errors.Join(f.transferring.check(), f.platforms.check()); err != nil {
		return err
	}
	if f.to == "" {
		return usagef("--to says where: a folder, or a file that ends in .tar")
	}
	images, err := readImages(io, args, f.files)
	if err != nil {
		return err
	}
	if len(images) == 0 {
		return usagef("name the images to export, or a file of them with -f")
	}
	a, err := archive.Create(f.to)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	return f.export(cmd.Context(), io, a, images)
}

func (f *exportFlags) export(ctx context.Context, io *streams, a *archive.Archive, images []image.Ref) error {
	served, err := a.Serve()
	if err != nil {
		return err
	}
	defer served.Stop() //nolint:errcheck // everything is written by then
	client, err := f.client(hostsOf(images...), registry.Host{Host: archive.Host, Endpoint: served.URL})
	if err != nil {
		return err
	}
	jobs := make([]transfer, 0, len(images))
	for _, ref := range images {
		at := archive.Place(ref)
		jobs = append(jobs, transfer{
			job:  registry.Job{Source: ref, Target: at, TargetLogins: image.Logins{served.Login}, Platforms: f.only},
			from: ref.Written, to: f.to,
			done: func(digest string) error {
				a.Add(archive.Entry{Name: ref, Origin: ref.Written, Digest: digest})
				return nil
			},
		})
	}
	_, failed := f.all(ctx, io, &registry.Copier{Client: client}, jobs)
	if ctx.Err() != nil {
		return failed // a folder keeps what has arrived; a tar is not there
	}
	if len(a.Entries()) == 0 {
		return cmp.Or(failed, errFound)
	}
	if err := a.Seal(); err != nil {
		return err
	}
	if !f.quiet && f.form == "" {
		sayf(io.out, "%s has %s; rhumb images import --from %s --to REGISTRY puts them where they are to be\n", f.to, count(len(a.Entries()), "image"), f.to)
	}
	return failed
}

// distinct are images, each once, in the order of their names. Of a tag with and without a digest, the digest is what is
// meant; of two digests for one tag, an archive can have but one.
func distinct(images []image.Ref) ([]image.Ref, error) {
	var out []image.Ref
	at := map[string]int{}
	for _, r := range images {
		key := r.Host + "/" + r.Repository + ":" + r.Tag
		if r.Tag == "" {
			key += "@" + r.Digest
		}
		i, said := at[key]
		switch {
		case !said:
			at[key] = len(out)
			out = append(out, r)
		case out[i].Digest == "":
			out[i] = r
		case r.Digest != "" && r.Digest != out[i].Digest:
			return nil, fmt.Errorf("%s and %s have one name, and are two images: export them to two archives, or name one without its tag", out[i].Written, r.Written)
		}
	}
	slices.SortStableFunc(out, func(a, b image.Ref) int { return cmp.Compare(a.Written, b.Written) })
	return out, nil
}

// errNoImage is a file without any image.
func errNoImage(file string) error {
	return fmt.Errorf("%s names no image: want one a line, a lock, or objects of Kubernetes", file)
}
