// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"slices"
	"strconv"
	"strings"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/blueprint"
	"rhumb.run/rhumb/internal/core/template"
	"rhumb.run/rhumb/internal/paper"
)

func index(list string, i int) string { return list + "[" + strconv.Itoa(i) + "]" }

// sort is a sort of input: what templates call all of it, and the only one.
type sort struct {
	many, one, kind string
	refs            func(*resource) []v1alpha1.ResourceReference
}

var sorts = []sort{
	{"sources", "source", template.SourceKind, func(r *resource) []v1alpha1.ResourceReference { return r.Sources }},
	{"images", "image", template.ImageKind, func(r *resource) []v1alpha1.ResourceReference { return r.Images }},
	{"configs", "config", template.ConfigKind, func(r *resource) []v1alpha1.ResourceReference { return r.Configs }},
}

// checkTemplates: what a resource names is there, and of the kind that it says.
func (m *model) checkTemplates(c *chain, r *resource) {
	for i, ref := range r.Templates() {
		if ref.Name == "" || m.templates[ref] != nil {
			continue
		}
		at := c.d.Value(r.at + ".templateRef.name")
		if len(r.Options) > 0 {
			at = c.d.Value(optionPlace(r, i))
		}
		if others := m.kindsOf[ref.Name]; len(others) > 0 {
			m.add(c.d, at, "template-kind", "set templateRef.kind to "+others[0], "resource %q takes %s/%s, but %q is a %s", r.Name, ref.Kind, ref.Name, ref.Name, strings.Join(others, " and a "))
			continue
		}
		if m.options.Complete {
			m.add(c.d, at, "missing-template", "add it to the files, or name another", "resource %q takes %s/%s, which is not in the files%s", r.Name, ref.Kind, ref.Name, paper.Suggest(ref.Name, m.templateNames(ref.Kind)))
		}
	}
}

// optionPlace is where the nth template among options stands: those that pass through name none.
func optionPlace(r *resource, nth int) string {
	for i, o := range r.Options {
		if o.Template == "" {
			continue
		}
		if nth == 0 {
			return index(r.at+".templateRef.options", i) + ".name"
		}
		nth--
	}
	return r.at + ".templateRef"
}

// checkInputs: what a resource takes is read by a template of it, or passed
// through; what a template reads, the resource has.
func (m *model) checkInputs(c *chain, r *resource) {
	templates, all := m.taken(r)
	for _, s := range sorts {
		refs := s.refs(r)
		for i, ref := range refs {
			if all && !m.inputRead(r, templates, s, ref.Name) {
				m.add(c.d, c.d.Place(index(r.at+"."+s.many, i)), "unused-input", "take it away, or read $("+s.many+"."+ref.Name+")$",
					"resource %q takes %s %q, but %s never reads it", r.Name, s.one, ref.Name, called(templates))
			}
		}
		for _, t := range templates {
			m.missingInputs(c, r, t, s, refs)
		}
	}
	if r.Deployment != "" && all && !slices.ContainsFunc(templates, func(t *source) bool { return t.reads.sees("deployment", "") }) {
		m.add(c.d, c.d.Place(r.at+".deployment"), "unused-input", "read $(deployment.url)$", "resource %q takes a deployment, but %s never reads it", r.Name, called(templates))
	}
}

func (m *model) inputRead(r *resource, templates []*source, s sort, name string) bool {
	for _, o := range r.Options {
		if o.PassThrough == name && r.Template.Kind == s.kind {
			return true
		}
	}
	return slices.ContainsFunc(templates, func(t *source) bool { return t.reads.sees(s.many, name) || t.reads.sees(s.one, "") })
}

// missingInputs: a tag that reads an input that is never there can never be filled in.
func (m *model) missingInputs(c *chain, r *resource, t *source, s sort, refs []v1alpha1.ResourceReference) {
	var have []string
	for _, ref := range refs {
		have = append(have, ref.Name)
	}
	at := c.d.Place(r.at + ".name")
	for _, one := range t.reads.names(s.many) {
		if name := one.steps[1]; t.reads.certain(one) && !slices.Contains(have, name) {
			m.add(c.d, at, "missing-input", "add it to "+s.many+" of the resource, or take it out of "+one.at.String(),
				"resource %q has no %s %q, which %s/%s reads%s", r.Name, s.one, name, t.kind, t.name, paper.Suggest(name, have))
		}
	}
	if len(refs) > 0 {
		return
	}
	for _, one := range t.reads.all {
		if one.steps[0] == s.one && t.reads.certain(one) {
			m.add(c.d, at, "missing-input", "add one to "+s.many+" of the resource, or take it out of "+one.at.String(),
				"resource %q has no %s, which %s/%s reads", r.Name, s.one, t.kind, t.name)
			return
		}
	}
}

func called(templates []*source) string {
	var out []string
	for _, t := range templates {
		out = append(out, t.kind+"/"+t.name)
	}
	if len(out) == 0 {
		return "nothing"
	}
	return strings.Join(out, " or ")
}

// checkOutputs: what a resource yields, another takes. A deployment is an end in itself, and so is a resource that stamps
// for some owners only: without an output, nothing could be passed on for the others.
func (m *model) checkOutputs(c *chain) {
	taken := map[string]bool{}
	for _, r := range c.resources {
		for _, producer := range r.Producers() {
			taken[producer] = true
		}
	}
	for _, r := range c.resources {
		for _, s := range sorts {
			if r.Template.Kind == s.kind && !taken[r.Name] && !passesOn(r.Options) {
				m.add(c.d, c.d.Place(r.at+".name"), "unused-output", "let another resource take it, or make the template a ClusterTemplate",
					"nobody takes the %s of resource %q", s.one, r.Name)
			}
		}
	}
}

func passesOn(options []blueprint.Option) bool {
	return slices.ContainsFunc(options, func(o blueprint.Option) bool { return o.PassThrough != "" })
}
