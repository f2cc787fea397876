// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"rhumb.run/rhumb/internal/archive"
	"rhumb.run/rhumb/internal/core/clone"
	"rhumb.run/rhumb/internal/core/image"
	"rhumb.run/rhumb/internal/registry"
)

type verifyFlags struct {
	sight
	reach
	naming
	form, lock string
	all        bool
}

func newVerify(io *streams) *cobra.Command {
	f := &verifyFlags{}
	cmd := &cobra.Command{
		Use:   "verify SOURCE TARGET... | --lock FILE | --all",
		Short: "See whether copies are whole and equal their source",
		Long: `verify looks whether each target has the digest that the source has now, and all of it:
each manifest is fetched and hashed, each blob asked for with its length. Of a lock,
and of the copies that a cluster keeps account of, the digests are known, and no
source is asked.

The exit code is 1 if a copy is another image or lacks something, and 2 if it could
not be found out.`,
		Example: `  rhumb images verify nginx:1.27 registry.example.com/web/nginx:1.27
  rhumb images verify --lock images.lock.yaml -o json
  rhumb images verify --all`,
		Args: exactly(cobra.ArbitraryArgs),
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, io, args) },
	}
	f.sight.flags(cmd, false)
	f.reach.flags(cmd)
	f.naming.flags(cmd, clone.Flat)
	cmd.Flags().StringVarP(&f.form, "output", "o", "", "what was found of each: json")
	cmd.Flags().StringVar(&f.lock, "lock", "", "the images of a lock, as import wrote it")
	cmd.Flags().BoolVar(&f.all, "all", false, "every copy that the cluster keeps account of (ClonedImages)")
	return cmd
}

// verdict is what was found of one copy.
type verdict struct {
	Source string `json:"source"`
	Target string `json:"target"`
	// State is Same, Differs, Incomplete, Missing or Unknown.
	State        string   `json:"state"`
	SourceDigest string   `json:"sourceDigest,omitempty"`
	Digest       string   `json:"digest,omitempty"`
	Manifests    int      `json:"manifests"`
	Blobs        int      `json:"blobs"`
	Bytes        int64    `json:"bytes"`
	Lacks        []string `json:"lacks,omitempty"`
	Error        string   `json:"error,omitempty"`
}

func (f *verifyFlags) run(cmd *cobra.Command, io *streams, args []string) error {
	if err := oneOf("-o", f.form, resultForms...); err != nil {
		return err
	}
	var all []pair
	var err error
	switch {
	case len(args) > 0 && (f.all || f.lock != "") || f.all && f.lock != "":
		return usagef("verify takes SOURCE and TARGETs, or --lock, or --all")
	case f.all:
		all, err = f.accounted(cmd, io)
	case f.lock != "":
		all, err = lockedPairs(io, f.lock)
	case len(args) < 2:
		return usagef("name a source and its copies, or --lock FILE, or --all")
	default:
		for _, t := range args[1:] {
			some, err := f.pairs(args[:1], t)
			if err != nil {
				return err
			}
			all = append(all, some...)
		}
	}
	if err != nil {
		return err
	}
	return f.verify(cmd.Context(), io, all)
}

// accounted are the copies that the cluster keeps account of.
func (f *verifyFlags) accounted(cmd *cobra.Command, io *streams) ([]pair, error) {
	c, err := f.open(cmd)
	if err != nil {
		return nil, err
	}
	known, err := c.ClonedImages(cmd.Context())
	if err != nil {
		return nil, err
	}
	var out []pair
	for i := range known {
		spec, digest := &known[i].Spec, known[i].Status.Digest
		if digest == "" {
			sayf(io.err, "%s has no copy yet: it is %s\n", spec.Origin, cmp.Or(string(known[i].Status.State), "new"))
			continue
		}
		p, err := pairOf(spec.Origin, spec.Target, digest)
		if err != nil {
			return nil, fmt.Errorf("clonedimage %s: %w", known[i].Name, err)
		}
		out = append(out, p)
	}
	return out, nil
}

// lockedPairs are the copies that a lock names.
func lockedPairs(io *streams, file string) ([]pair, error) {
	raw, err := readNamed(io, file)
	if err != nil {
		return nil, err
	}
	lock, err := archive.ParseLock(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	var out []pair
	for _, l := range lock.Images {
		p, err := pairOf(l.Origin, l.Image, l.Digest)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		out = append(out, p)
	}
	return out, nil
}

// pairOf is a copy that is known to have a digest.
func pairOf(source, target, digest string) (pair, error) {
	from, err := image.Parse(source)
	if err != nil {
		return pair{}, err
	}
	to, err := image.Parse(target)
	if err != nil {
		return pair{}, err
	}
	if !image.IsDigest(digest) {
		return pair{}, fmt.Errorf("%q is no digest", digest)
	}
	return pair{source: from, target: untied(to), digest: digest}, nil
}

// verify looks at copies, several at once, and prints what was found.
func (f *verifyFlags) verify(ctx context.Context, io *streams, all []pair) error {
	var named []string
	for _, p := range all {
		named = append(named, hostsOf(p.source, p.target)...)
	}
	client, err := f.client(named)
	if err != nil {
		return err
	}
	found := make([]verdict, len(all))
	var group errgroup.Group
	group.SetLimit(4)
	for i, p := range all {
		group.Go(func() error {
			found[i] = compare(ctx, client, p)
			return nil
		})
	}
	_ = group.Wait() // each says for itself what was found
	if f.form == "json" {
		if err := printJSON(io.out, map[string]any{"images": found}); err != nil {
			return fmt.Errorf("printing: %w", err)
		}
	} else {
		printVerdicts(io, found)
	}
	return judged(found)
}

// judged is the exit code: what could not be found out is told apart from what is wrong.
func judged(found []verdict) error {
	wrong, unknown := 0, 0
	for _, v := range found {
		switch v.State {
		case "Same":
		case "Unknown":
			unknown++
		default:
			wrong++
		}
	}
	switch {
	case wrong > 0:
		return errFound
	case unknown > 0:
		return notReady{errFound}
	}
	return nil
}

func printVerdicts(io *streams, found []verdict) {
	t := tabwriter.NewWriter(io.out, 0, 0, 2, ' ', 0)
	sayf(t, "SOURCE\tTARGET\tSTATE\tDIGEST\tMANIFESTS\tBLOBS\tSIZE\n")
	for _, v := range found {
		row := []any{v.Source, v.Target, v.State, orNone(short(v.Digest)), "-", "-", "-"}
		if v.Manifests > 0 {
			row[4], row[5], row[6] = strconv.Itoa(v.Manifests), strconv.Itoa(v.Blobs), size(v.Bytes)
		}
		sayf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", row...)
	}
	t.Flush() //nolint:errcheck // the sink remembers it
	for _, v := range found {
		if v.Error != "" {
			sayf(io.err, "%s: %s\n", v.Target, v.Error)
		}
		for _, l := range v.Lacks {
			sayf(io.err, "%s lacks %s\n", v.Target, l)
		}
	}
}

func orNone(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// compare holds a copy to its source.
func compare(ctx context.Context, client *registry.Client, p pair) verdict {
	v := verdict{Source: p.source.Written, Target: tagged(p.target)}
	unknown := func(side string, err error, of image.Ref) verdict {
		v.State, v.Error = "Unknown", side+": "+explained(err, of)
		return v
	}
	var err error
	if v.SourceDigest = cmp.Or(p.digest, p.source.Digest); v.SourceDigest == "" {
		if v.SourceDigest, err = client.Resolve(ctx, p.source, nil); err != nil {
			return unknown("source", err, p.source)
		}
	}
	target := p.target
	if target.Tag == "" {
		target = target.At(v.SourceDigest)
	}
	v.Digest, err = client.ResolveOrigin(ctx, target, nil)
	if f, ok := errors.AsType[*image.Failure](err); ok && f.Reason == image.ReasonNotFound {
		v.State, v.Error = "Missing", f.Detail+"; copy it: rhumb images copy "+p.source.Written+" "+v.Target
		return v
	}
	if err != nil {
		return unknown("target", err, target)
	}
	if v.Digest != v.SourceDigest {
		v.State = "Differs"
		v.Error = "it is " + v.Digest + ", and " + v.SourceDigest + " is wanted; copy it again with --overwrite, or name the source by its digest"
		return v
	}
	found, err := client.Verify(ctx, target.At(v.Digest), nil)
	if err != nil {
		return unknown("target", err, target)
	}
	v.Manifests, v.Blobs, v.Bytes, v.Lacks = found.Manifests, found.Blobs, found.Bytes, found.Lacks
	if v.State = "Same"; len(v.Lacks) > 0 {
		v.State = "Incomplete"
		v.Error = "the registry has lost some of it; remove the tag there, and copy it again"
	}
	return v
}
