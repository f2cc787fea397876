// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/cluster"
	"rhumb.run/rhumb/internal/core/draft"
	"rhumb.run/rhumb/internal/core/view"
)

// submission is one run of apply or create.
type submission struct {
	*applyFlags
	cmd *cobra.Command
	io  *streams

	cluster *cluster.Cluster
	asker   *asker
	// there is the workload as it is, nil if it is not; wanted as it shall be.
	there, wanted *v1alpha1.Workload
}

// out is where people are told what happens: beside the answer, if there is one for a machine.
func (s *submission) out() io.Writer {
	if s.form != "" || s.export || s.dryRun {
		return s.io.err
	}
	return s.io.out
}

func (s *submission) run(args []string) error {
	if err := s.check(); err != nil {
		return err
	}
	file, err := s.read(args)
	if err != nil {
		return err
	}
	if s.cluster, err = s.open(s.cmd); err != nil {
		return err
	}
	s.asker = &asker{io: s.io, out: s.out(), yes: s.yes, sign: s.emoji("❓")}
	ctx := s.cmd.Context()
	if s.there, err = s.cluster.Workload(ctx, file.Name); err != nil {
		return err
	}
	if s.create && s.there != nil {
		return fmt.Errorf("workload %q already exists\nTo change it: %s", s.cluster.Namespace+"/"+file.Name, s.next(s.cluster, "apply", file.Name))
	}
	if err := s.draft(ctx, file); err != nil {
		return err
	}
	if s.wanted == nil {
		return nil // somebody said no
	}
	return s.submit(ctx)
}

func (s *submission) check() error {
	if err := oneOf("-o", s.form, objectForms...); err != nil {
		return err
	}
	if err := oneOf("--update-strategy", s.strategy, "merge", "replace"); err != nil {
		return err
	}
	switch {
	case s.file == "-" && !s.yes && !s.dryRun:
		return usagef("-f - takes standard input, so that nobody can be asked: add --yes")
	case s.exitCode && !s.dryRun:
		return usagef("--exit-code goes with --dry-run")
	}
	return s.local.check(&s.asked)
}

// read reads the file, if there is one, and the name.
func (s *submission) read(args []string) (*v1alpha1.Workload, error) {
	w := &v1alpha1.Workload{}
	if s.file != "" {
		var err error
		if w, err = readWorkload(s.cmd.Context(), s.io, s.file); err != nil {
			return nil, err
		}
	}
	if len(args) > 0 {
		w.Name = args[0]
	}
	if w.Name == "" {
		return nil, usagef("name the workload, or give a file with -f")
	}
	if s.namespace == "" {
		s.namespace = w.Namespace
	}
	return w, nil
}

// draft makes of what is there, file and flags what is wanted. The source of a
// folder is uploaded on the way, since its digest is a part of what is wanted.
func (s *submission) draft(ctx context.Context, file *v1alpha1.Workload) error {
	wanted := &v1alpha1.Workload{}
	if s.there != nil {
		wanted = s.there.DeepCopy()
	}
	wanted.Name, wanted.Namespace = file.Name, s.cluster.Namespace
	switch {
	case s.file == "":
	case s.strategy == "replace":
		wanted = draft.Replace(wanted, file)
	default:
		wanted = draft.Merge(wanted, file)
	}
	if s.there == nil && s.file == "" && s.asked.Type == nil {
		if t := defaultType(); wanted.Labels[view.TypeLabel] == "" {
			s.asked.Type = &t
		}
	}
	if err := s.asked.Over(wanted); err != nil {
		return &usageError{err}
	}
	if s.local.path != "" {
		sure, err := s.upload(ctx, wanted)
		if err != nil || !sure {
			return err
		}
	}
	if err := draft.Check(wanted); err != nil {
		return &usageError{err}
	}
	s.wanted = wanted
	return nil
}

// submit shows the difference, asks, and writes.
func (s *submission) submit(ctx context.Context) error {
	before, err := s.before()
	if err != nil {
		return err
	}
	after, err := draft.YAML(s.wanted)
	if err != nil {
		return err
	}
	name := s.wanted.Name
	if before == after {
		sayf(s.out(), "Workload is unchanged, skipping update\n")
		if s.dryRun {
			return s.answer(s.wanted)
		}
		return s.done(ctx, s.there)
	}
	s.show(before, after)
	if s.dryRun {
		if err := s.answer(s.wanted); err != nil || !s.exitCode {
			return err
		}
		return notReady{errFound}
	}
	question, did := fmt.Sprintf("Really update the workload %q", name), "Updated"
	if s.there == nil {
		question, did = "Do you want to create this workload", "Created"
	}
	sure, err := s.asker.ask("%s", question)
	if err != nil {
		return err
	}
	if !sure {
		sayf(s.out(), "Skipping workload %q\n", name)
		return nil
	}
	written, err := s.write(ctx)
	if err != nil {
		return err
	}
	sayf(s.out(), "%s%s workload %q\n", s.emoji("👍"), did, name)
	return s.done(ctx, written)
}

func (s *submission) before() (string, error) {
	if s.there == nil {
		return "", nil
	}
	return draft.YAML(s.there)
}

func (s *submission) show(before, after string) {
	what := "Update workload:"
	if before == "" {
		what = "Create workload:"
	}
	p := painter(s.out()) && paint(!s.noColor)
	sayf(s.out(), "%s%s\n", s.emoji("🔎"), what)
	for _, l := range draft.Diff(before, after) {
		text := l.Text
		switch l.Mark {
		case draft.Added:
			text = p.green(text)
		case draft.Removed:
			text = p.red(text)
		case draft.Kept, draft.Skipped:
		}
		sayf(s.out(), "%s\n", text)
	}
}

func (s *submission) write(ctx context.Context) (*v1alpha1.Workload, error) {
	if s.there == nil {
		object, err := draft.Written(s.wanted)
		if err != nil {
			return nil, err
		}
		return s.cluster.Create(ctx, object)
	}
	patch, err := draft.Patch(s.there, s.wanted)
	if err != nil {
		return nil, err
	}
	return s.cluster.Patch(ctx, s.wanted.Name, patch)
}

// answer prints the workload, if somebody wants it.
func (s *submission) answer(w *v1alpha1.Workload) error {
	if s.form == "" && !s.export && !s.dryRun {
		return nil
	}
	if s.export || s.dryRun {
		object, err := draft.Written(w)
		if err != nil {
			return err
		}
		return printObject(s.io.out, s.form, object)
	}
	w.ManagedFields = nil
	object, err := asMap(w)
	if err != nil {
		return err
	}
	return printObject(s.io.out, s.form, object)
}
