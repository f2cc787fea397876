// SPDX-License-Identifier: Apache-2.0

package clone

import (
	"errors"

	"rhumb.run/rhumb/internal/core/image"
)

// Job is one image to be copied.
type Job struct {
	Source, Target             image.Ref
	SourceLogins, TargetLogins image.Logins
	Copying                    Copying
	// Anchor keeps the digest under a tag of its own, so that no registry takes it for garbage.
	Anchor bool
	// CreateRepository makes the target's repository where that has to be there first.
	CreateRepository bool
	// Overwrite moves the target's tag whatever it is; otherwise it is moved only away from Wrote, or if there is none.
	Overwrite bool
	Wrote     string
	// WroteOf is the original's digest that Wrote was made of.
	WroteOf string
	// Advice is what would help where the source wants other credentials; empty if that is plain from the answer.
	Advice string
}

// Advised is what became of a job, with its advice where the source wants other credentials.
func (j Job) Advised(err error) error {
	f, ok := errors.AsType[*Failure](err)
	if !ok || !f.Source || f.Reason != image.ReasonUnauthorized || j.Advice == "" {
		return err
	}
	advised := *f.Failure
	advised.Fix = j.Advice
	return &Failure{Failure: &advised, Source: true}
}

// Progress is how far a copy is. Totals grow while manifests are read.
type Progress struct {
	Sent, Mounted, Skipped, Total int64
	// Blobs are those that are there now, of all that are known.
	Blobs, AllBlobs int
}

// Outcome is what became of a job.
type Outcome struct {
	// SourceDigest is the original's; Digest is the copy's, another one only where platforms were left out.
	SourceDigest, Digest string
	// Already is set where there was nothing to copy.
	Already bool
	Progress
}

// Failure is why an image could not be copied, and whose word that is.
type Failure struct {
	*image.Failure
	// Source is set where it is the source's; it is the target's otherwise.
	Source bool
}

// Unwrap is the failure without the side.
func (f *Failure) Unwrap() error { return f.Failure }

// Side is the word for whose failure it is.
func (f *Failure) Side() string {
	if f.Source {
		return "source"
	}
	return "target"
}
