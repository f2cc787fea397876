// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/pflag"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/draft"
	"rhumb.run/rhumb/internal/upload"
)

// localFlags are about source that lies on this machine.
type localFlags struct {
	path     string
	registry upload.Registry
}

func (f *localFlags) flags(flags *pflag.FlagSet) {
	flags.StringVar(&f.path, "local-path", "", "source on this machine, a folder or a zip, jar or war file; goes to --source-image without what .tanzuignore or .rhumbignore names")
	flags.StringArrayVar(&f.registry.CA, "registry-ca-cert", nil, "a file of certificates to trust the registry by (TANZU_APPS_REGISTRY_CA_CERT)")
	flags.StringVar(&f.registry.Username, "registry-username", "", "who logs in to the registry (TANZU_APPS_REGISTRY_USERNAME); docker's login otherwise")
	flags.StringVar(&f.registry.Password, "registry-password", "", "their password (TANZU_APPS_REGISTRY_PASSWORD), which is better not typed")
	flags.StringVar(&f.registry.Token, "registry-token", "", "a token instead (TANZU_APPS_REGISTRY_TOKEN)")
}

func (f *localFlags) check(asked *draft.Flags) error {
	if f.path == "" {
		return nil
	}
	for _, other := range []*string{asked.GitRepo, asked.GitBranch, asked.GitTag, asked.GitCommit, asked.Image} {
		if other != nil && *other != "" {
			return usagef("--local-path is the source: it goes with neither --git-… nor --image")
		}
	}
	if len(f.registry.CA) == 0 && os.Getenv("TANZU_APPS_REGISTRY_CA_CERT") != "" {
		f.registry.CA = []string{os.Getenv("TANZU_APPS_REGISTRY_CA_CERT")}
	}
	for name, into := range map[string]*string{
		"TANZU_APPS_REGISTRY_USERNAME": &f.registry.Username,
		"TANZU_APPS_REGISTRY_PASSWORD": &f.registry.Password,
		"TANZU_APPS_REGISTRY_TOKEN":    &f.registry.Token,
	} {
		if *into == "" {
			*into = os.Getenv(name)
		}
	}
	return nil
}

// upload puts the folder into the registry, unless it is there already, and the
// image with its digest into the workload.
func (s *submission) upload(ctx context.Context, w *v1alpha1.Workload) (bool, error) {
	if w.Spec.Source == nil || w.Spec.Source.Image == nil {
		return false, usagef("--local-path needs a registry to put the source into: --source-image REGISTRY/REPOSITORY")
	}
	into := *w.Spec.Source.Image
	bundle, err := upload.Pack(s.local.path)
	if err != nil {
		return false, err
	}
	defer bundle.Close() //nolint:errcheck // it is a file in the folder for such
	if bundle.Ignore != "" {
		sayf(s.out(), "The files and/or directories listed in the %s file are being excluded from the uploaded source code.\n", bundle.Ignore)
	}
	target, err := upload.Target(into, s.local.registry)
	if err != nil {
		return false, &usageError{err}
	}
	reference := target.Reference(bundle)
	if s.dryRun {
		w.Spec.Source.Image = &reference
		return true, nil
	}
	if s.had(reference) {
		sayf(s.out(), "No source code is changed\n")
		w.Spec.Source.Image = &reference
		return true, nil
	}
	sure, err := s.asker.ask("Publish source in %q to %q? It may be visible to others who can pull images from that repository", s.local.path, target.Name())
	if err != nil {
		return false, err
	}
	if !sure {
		sayf(s.out(), "Skipping workload %q\n", w.Name)
		return false, nil
	}
	sayf(s.out(), "Publishing source in %q to %q...\n", s.local.path, target.Name())
	fresh, err := target.Push(ctx, bundle)
	if err != nil {
		return false, fmt.Errorf("publishing source in %q to %q: %w", s.local.path, target.Name(), err)
	}
	if fresh {
		sayf(s.out(), "%sPublished source\n\n", s.emoji("📥"))
	} else {
		sayf(s.out(), "No source code is changed\n\n")
	}
	w.Spec.Source.Image = &reference
	return true, nil
}

// had says whether the workload has this very source already.
func (s *submission) had(reference string) bool {
	if s.there == nil || s.there.Spec.Source == nil || s.there.Spec.Source.Image == nil {
		return false
	}
	return *s.there.Spec.Source.Image == reference
}
