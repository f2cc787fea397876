// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"rhumb.run/rhumb/internal/archive"
	"rhumb.run/rhumb/internal/core/clone"
	"rhumb.run/rhumb/internal/core/image"
	"rhumb.run/rhumb/internal/registry"
)

type importFlags struct {
	transferring
	naming
	from, to, lock string
	overwrite      bool
}

func newImport(io *streams) *cobra.Command {
	f := &importFlags{}
	cmd := &cobra.Command{
		Use:   "import [IMAGE...] --from DIR|FILE.tar --to REGISTRY[/PATH]",
		Short: "Put the images of a folder or a tar into a registry, under the same digests",
		Long: `import reads what export wrote, or any OCI image layout whose images have full names,
and puts all of it, or the images that are named, into a registry. What is there is
not sent again, so that an import that was interrupted goes on where it was. The
archive is looked through first: of one that lacks something, nothing is sent.`,
		Example: `  rhumb images import --from images.tar --to registry.internal:5000/mirror
  rhumb images import nginx:1.27 --from ./images --to localhost:5000 --naming Flat --lock images.lock.yaml`,
		Args: exactly(cobra.ArbitraryArgs),
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, io, args) },
	}
	f.transferring.flags(cmd)
	f.naming.flags(cmd, clone.HostPath)
	flags := cmd.Flags()
	flags.StringVar(&f.from, "from", "", "the folder or the tar")
	flags.StringVar(&f.to, "to", "", "the registry, and a path in it")
	flags.StringVar(&f.lock, "lock", "", "write a lock with the names that the images have now to this file; - is standard output")
	flags.BoolVar(&f.overwrite, "overwrite", false, "move tags of the registry that are other images")
	return cmd
}

func (f *importFlags) run(cmd *cobra.Command, io *streams, args []string) (err error) {
	if err := f.check(); err != nil {
		return err
	}
	if f.from == "" || f.to == "" {
		return usagef("--from says which archive, and --to which registry")
	}
	into, err := f.target(f.to)
	if err != nil {
		return err
	}
	a, err := archive.Open(f.from)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	entries, err := chosen(a, f.from, args)
	if err != nil {
		return err
	}
	return f.bring(cmd.Context(), io, a, entries, into)
}

// chosen are the images of an archive that are wanted: all, or those that are named.
func chosen(a *archive.Archive, from string, names []string) ([]archive.Entry, error) {
	all := a.Entries()
	if len(all) == 0 {
		return nil, fmt.Errorf("no image of %s has a full name: write it with rhumb images export, or give each its name (org.opencontainers.image.ref.name in index.json)", from)
	}
	if len(names) == 0 {
		return all, nil
	}
	var out []archive.Entry
	for _, n := range names {
		want, err := parseImage(n)
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(all, func(e archive.Entry) bool {
			return e.Name.Host == want.Host && e.Name.Repository == want.Repository && e.Name.Tag == want.Tag && (want.Digest == "" || want.Digest == e.Digest)
		})
		if i < 0 {
			return nil, fmt.Errorf("%s is not in %s: its %s says what is", n, from, archive.LockFile)
		}
		out = append(out, all[i])
	}
	return out, nil
}

func (f *importFlags) bring(ctx context.Context, io *streams, a *archive.Archive, entries []archive.Entry, into clone.Target) error {
	served, err := a.Serve()
	if err != nil {
		return err
	}
	defer served.Stop() //nolint:errcheck // it was only read
	client, err := f.client([]string{into.Host}, registry.Host{Host: archive.Host, Endpoint: served.URL})
	if err != nil {
		return err
	}
	lock := archive.Lock{Kind: archive.LockKind}
	jobs := make([]transfer, 0, len(entries))
	for _, e := range entries {
		origin := e.Name
		if written, err := image.Parse(e.Written()); err == nil {
			origin = written // Flat is about how it is written
		}
		to, err := into.Of(origin)
		if err != nil {
			return err
		}
		to = untied(to)
		at := archive.Place(e.Name)
		at.Digest = e.Digest
		jobs = append(jobs, transfer{
			job: registry.Job{
				Source: at, SourceLogins: image.Logins{served.Login}, Target: to,
				Replace: func(string) bool { return f.overwrite }, Verify: true, Anchor: to.Tag == "",
			},
			from: e.Written(), to: tagged(to),
		})
		lock.Images = append(lock.Images, archive.Locked{Origin: e.Written(), Image: tagged(to) + "@" + e.Digest, Digest: e.Digest})
	}
	done, failed := f.all(ctx, io, &registry.Copier{Client: client}, jobs)
	if err := f.locked(io, lock, done); err != nil {
		return err
	}
	return failed
}

// locked writes the lock of what is there now.
func (f *importFlags) locked(io *streams, lock archive.Lock, done []outcome) error {
	if f.lock == "" {
		return nil
	}
	there := archive.Lock{Kind: lock.Kind, Images: []archive.Locked{}}
	for i, o := range done {
		if o.State != "Failed" {
			there.Images = append(there.Images, lock.Images[i])
		}
	}
	text, err := there.YAML()
	if err != nil {
		return err
	}
	if f.lock == "-" {
		sayf(io.out, "%s", text)
		return nil
	}
	if err := os.WriteFile(f.lock, text, 0o666); err != nil {
		return fmt.Errorf("writing --lock: %w", err)
	}
	return nil
}
