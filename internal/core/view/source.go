// SPDX-License-Identifier: Apache-2.0

package view

import (
	"strings"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/output"
)

// source is where the code or the image comes from, and which revision of it is in use.
func source(w *v1alpha1.Workload, s Style) string {
	var rows [][]string
	add := func(name string, value *string) {
		if value != nil && *value != "" {
			rows = append(rows, []string{name, *value})
		}
	}
	is := func(kind string) { rows = append(rows, []string{"type:", kind}) }
	src := w.Spec.Source
	switch {
	case src != nil && src.Git != nil:
		is("git")
		add("url:", src.Git.URL)
		add("sub-path:", src.Subpath)
		if ref := src.Git.Ref; ref != nil {
			add("branch:", ref.Branch)
			add("tag:", ref.Tag)
			add("commit:", ref.Commit)
		}
	case src != nil && src.Image != nil:
		is("source image")
		add("image:", src.Image)
		add("sub-path:", src.Subpath)
	case w.Spec.Image != nil:
		is("image")
		add("image:", w.Spec.Image)
	default:
		return ""
	}
	revision := resolved(w.Status.Resources)
	add("revision:", &revision)
	return s.heading("💾", "Source") + columns(indent, rows)
}

// resolved is what the first step that reads no other found: the revision of
// its source, or the image that a tag stands for.
func resolved(all []v1alpha1.ResourceStatus) string {
	for i := range all {
		if len(all[i].Inputs) > 0 {
			continue
		}
		for _, name := range []string{output.Revision, output.Image} {
			for _, o := range all[i].Outputs {
				if o.Name == name {
					return strings.Trim(strings.TrimSpace(o.Preview), `"'`)
				}
			}
		}
	}
	return ""
}
