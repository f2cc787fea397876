// SPDX-License-Identifier: Apache-2.0

package draft

import (
	"errors"

	"rhumb.run/rhumb/api/carto/v1alpha1"
)

// source: whichever of git, code in an image and built image is asked for takes
// the place of the others.
func (f *Flags) source(w *v1alpha1.Workload) error {
	git := set(f.GitRepo) || set(f.GitBranch) || set(f.GitTag) || set(f.GitCommit)
	switch {
	case git && (set(f.Image) || set(f.SourceImage)), set(f.Image) && set(f.SourceImage):
		return errors.New("a workload comes from git, from --source-image or from --image: name one")
	case set(f.Image):
		w.Spec.Image, w.Spec.Source = f.Image, nil
	case set(f.SourceImage):
		s := sourceOf(&w.Spec)
		w.Spec.Image, s.Image, s.Git = nil, f.SourceImage, nil
	case git:
		s := sourceOf(&w.Spec)
		w.Spec.Image, s.Image = nil, nil
	}
	if f.Image != nil && *f.Image == "" {
		w.Spec.Image = nil
	}
	if f.SourceImage != nil && *f.SourceImage == "" && w.Spec.Source != nil {
		w.Spec.Source.Image = nil
	}
	if f.GitRepo != nil || f.GitBranch != nil || f.GitTag != nil || f.GitCommit != nil {
		f.git(sourceOf(&w.Spec))
	}
	if f.SubPath != nil {
		sourceOf(&w.Spec).Subpath = value(f.SubPath)
	}
	tidy(&w.Spec)
	return nil
}

func (f *Flags) git(s *v1alpha1.Source) {
	if f.GitRepo != nil && *f.GitRepo == "" {
		s.Git = nil // a revision of no repository is nothing
		return
	}
	if s.Git == nil {
		s.Git = &v1alpha1.GitSource{}
	}
	if s.Git.Ref == nil {
		s.Git.Ref = &v1alpha1.GitRef{}
	}
	for _, g := range []struct {
		asked *string
		into  **string
	}{
		{f.GitRepo, &s.Git.URL}, {f.GitBranch, &s.Git.Ref.Branch}, {f.GitTag, &s.Git.Ref.Tag}, {f.GitCommit, &s.Git.Ref.Commit},
	} {
		if g.asked != nil {
			*g.into = value(g.asked)
		}
	}
}

// tidy leaves nothing of a source that is empty.
func tidy(s *v1alpha1.WorkloadSpec) {
	if s.Source == nil {
		return
	}
	if g := s.Source.Git; g != nil {
		if g.Ref != nil && *g.Ref == (v1alpha1.GitRef{}) {
			g.Ref = nil
		}
		if g.URL == nil && g.Ref == nil {
			s.Source.Git = nil
		}
	}
	if *s.Source == (v1alpha1.Source{}) {
		s.Source = nil
	}
}

func set(s *string) bool { return s != nil && *s != "" }

func value(s *string) *string {
	if !set(s) {
		return nil
	}
	return s
}

// Check says what can never work, before a cluster is asked.
func Check(w *v1alpha1.Workload) error {
	s := w.Spec.Source
	switch {
	case w.Name == "":
		return errors.New("the workload has no name")
	case s == nil:
		return nil
	case w.Spec.Image != nil && (s.Git != nil || s.Image != nil):
		return errors.New("a workload has a source or an image, not both: take one away with --git-repo \"\", --source-image \"\" or --image \"\"")
	case s.Git != nil && s.Image != nil:
		return errors.New("a source is a git repository or an image, not both")
	case s.Git == nil && s.Image == nil && s.Subpath != nil:
		return errors.New("--sub-path needs a source: --git-repo or --source-image")
	case s.Git != nil && s.Git.URL == nil:
		return errors.New("a git source needs its repository: --git-repo URL")
	case s.Git != nil && s.Git.Ref == nil:
		return errors.New("which revision of the repository: --git-branch, --git-tag or --git-commit")
	}
	return nil
}
