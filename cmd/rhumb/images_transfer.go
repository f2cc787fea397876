// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"rhumb.run/rhumb/internal/archive"
	"rhumb.run/rhumb/internal/core/image"
	"rhumb.run/rhumb/internal/registry"
)

// transfer is one image on its way from somewhere to somewhere.
type transfer struct {
	job registry.Job
	// from and to are how the two are shown.
	from, to string
	// done, if set, is told the digest.
	done func(digest string) error
}

// outcome is what became of a transfer, for scripts.
type outcome struct {
	Source string `json:"source"`
	Target string `json:"target"`
	Digest string `json:"digest,omitempty"`
	// State is Copied, Unchanged or Failed.
	State   string `json:"state"`
	Sent    int64  `json:"bytesSent"`
	Mounted int64  `json:"bytesMounted"`
	Skipped int64  `json:"bytesThere"`
	// Attached is how many signatures and the like are new.
	Attached int    `json:"attached,omitempty"`
	Error    string `json:"error,omitempty"`
}

// transferring is how images are moved, and how that is shown.
type transferring struct {
	reach
	parallel int
	form     string
	quiet    bool
	// about says whether signatures and the like go along.
	about bool
}

var resultForms = []string{"json"}

func (f *transferring) flags(cmd *cobra.Command) {
	f.reach.flags(cmd)
	cmd.Flags().IntVar(&f.parallel, "parallel", 4, "how many images are on their way at once")
	cmd.Flags().BoolVar(&f.about, "referrers", true, "signatures, attestations and SBOMs too: what refers to an image, and cosign's tags")
	cmd.Flags().StringVarP(&f.form, "output", "o", "", "what became of each: json")
	cmd.Flags().BoolVarP(&f.quiet, "quiet", "q", false, "nothing but what failed")
}

func (f *transferring) check() error {
	if f.parallel < 1 || f.parallel > 32 {
		return usagef("--parallel is between 1 and 32, not %d", f.parallel)
	}
	return oneOf("-o", f.form, resultForms...)
}

// all moves images, several at once; one that fails stops no other. The error is errFound if one failed.
func (f *transferring) all(ctx context.Context, io *streams, copier *registry.Copier, jobs []transfer) ([]outcome, error) {
	m := newMeter(io, f.quiet || f.form != "")
	defer m.end()
	out := make([]outcome, len(jobs))
	var group errgroup.Group
	group.SetLimit(f.parallel)
	var failed sync.Once
	var result error
	for i, j := range jobs {
		group.Go(func() error {
			out[i] = f.one(ctx, m, copier, j)
			if out[i].State == "Failed" {
				failed.Do(func() { result = errFound })
			}
			return nil
		})
	}
	_ = group.Wait() // each says for itself what it came to
	m.end()
	if f.form == "json" {
		if err := printJSON(io.out, map[string]any{"images": out}); err != nil {
			return out, fmt.Errorf("printing: %w", err)
		}
	}
	return out, result
}

// one moves an image, and says so.
func (f *transferring) one(ctx context.Context, m *meter, copier *registry.Copier, t transfer) outcome {
	o := outcome{Source: t.from, Target: t.to, State: "Copied"}
	line := m.begin(t.from)
	t.job.Progress, t.job.Referrers, t.job.CosignTags = line.progress, f.about, f.about
	done, err := copier.Copy(ctx, t.job)
	if err == nil && t.done != nil {
		err = t.done(done.Digest)
	}
	line.end()
	o.Digest, o.Sent, o.Mounted, o.Skipped = done.Digest, done.Sent, done.Mounted, done.Skipped
	o.Attached = done.Attached
	switch {
	case err != nil:
		o.State, o.Error = "Failed", f.why(err, t.job)
		m.failed("failed     %s: %s", t.from, o.Error)
	case done.Already && done.Attached > 0:
		m.say("completed  %s → %s@%s (%s)", t.from, t.to, short(done.Digest), o.bytes())
	case done.Already:
		o.State = "Unchanged"
		m.say("unchanged  %s → %s@%s", t.from, t.to, short(done.Digest))
	default:
		m.say("copied     %s → %s@%s (%s)", t.from, t.to, short(done.Digest), o.bytes())
	}
	return o
}

// why says what went wrong: with a registry, or with the archive that stands for one.
func (f *transferring) why(err error, j registry.Job) string {
	if errors.Is(err, context.Canceled) {
		return "interrupted"
	}
	c, ok := errors.AsType[*registry.CopyFailure](err)
	if !ok {
		return err.Error()
	}
	at := j.Target
	if c.Source {
		at = j.Source
	}
	if at.Host != archive.Host {
		return explained(err, at)
	}
	words := c.Detail
	if strings.HasPrefix(words, "http://") { // where it listens is of no interest to anybody
		_, words, _ = strings.Cut(words, ": ")
	}
	if c.Source {
		return "the archive is damaged: " + words + "; bring it over again, or export it again"
	}
	if _, said, ok := strings.Cut(words, ": UNKNOWN: "); ok {
		words = said
	}
	return "the archive could not be written: " + words
}

// bytes says how the image came there.
func (o *outcome) bytes() string {
	out := size(o.Sent) + " sent"
	if o.Mounted > 0 {
		out += ", " + size(o.Mounted) + " taken from other repositories"
	}
	if o.Skipped > 0 {
		out += ", " + size(o.Skipped) + " there already"
	}
	if o.Attached > 0 {
		out += fmt.Sprintf(", %d about it", o.Attached)
	}
	return out
}

// platforms are those of an index that are copied.
type platforms struct{ only []string }

func (p *platforms) flags(cmd *cobra.Command) {
	cmd.Flags().StringSliceVar(&p.only, "platform", nil, "only these of an index, as linux/amd64: the copy has a digest of its own then, the same each time")
}

var platformRE = regexp.MustCompile(`^[a-z0-9]+/[a-z0-9_]+(/[a-z0-9]+)?$`)

func (p *platforms) check() error {
	for _, s := range p.only {
		if !platformRE.MatchString(s) {
			return usagef("--platform %s: want os/architecture[/variant], as linux/arm64", s)
		}
	}
	return nil
}

// short is enough of a digest for people.
func short(digest string) string {
	if image.IsDigest(digest) {
		return digest[:len("sha256:")+12]
	}
	return digest
}

// size is a number of bytes for people.
func size(n int64) string {
	units := []string{"B", "kB", "MB", "GB", "TB"}
	v, u := float64(n), 0
	for v >= 999.5 && u < len(units)-1 {
		v, u = v/1000, u+1
	}
	if u == 0 || v >= 99.5 {
		return fmt.Sprintf("%.0f %s", v, units[u])
	}
	return fmt.Sprintf("%.1f %s", v, units[u])
}

// count is a number of things.
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
