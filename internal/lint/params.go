// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"slices"
	"strings"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/owner"
	"rhumb.run/rhumb/internal/paper"
	"rhumb.run/rhumb/internal/preview"
)

// checkParams: what a blueprint declares, a template of it reads; what a
// template reads, somebody declares.
func (m *model) checkParams(c *chain) {
	var every []*source
	complete := true
	for _, r := range c.resources {
		templates, all := m.taken(r)
		every, complete = append(every, templates...), complete && all
		m.declared(c, r.Params, r.at+".params", templates, all)
		for _, t := range templates {
			m.undeclared(c, r, t)
		}
	}
	m.declared(c, c.params, "spec.params", every, complete)
}

func (m *model) declared(c *chain, params []v1alpha1.BlueprintParam, list string, templates []*source, all bool) {
	said := map[string]bool{}
	for i, p := range params {
		at := c.d.Place(index(list, i) + ".name")
		switch {
		case said[p.Name]:
			m.add(c.d, at, "duplicate-param", "take one of them away", "param %q is declared twice: the last one counts", p.Name)
		case all && !slices.ContainsFunc(templates, func(t *source) bool { return t.reads.sees("params", p.Name) }):
			m.add(c.d, at, "unused-param", "take it away", "param %q is declared, but no template that it is for reads it%s", p.Name, paper.Suggest(p.Name, paramNames(templates)))
		}
		said[p.Name] = true
	}
}

func paramNames(templates []*source) []string {
	var out []string
	for _, t := range templates {
		for _, one := range t.reads.names("params") {
			out = append(out, one.steps[1])
		}
	}
	return out
}

// undeclared: a param that nobody declares is there only if the owner sets it.
func (m *model) undeclared(c *chain, r *resource, t *source) {
	var names []string
	for _, p := range t.params {
		names = append(names, p.Name)
	}
	for _, list := range [][]v1alpha1.BlueprintParam{c.params, r.Params} {
		for _, p := range list {
			names = append(names, p.Name)
		}
	}
	for _, one := range t.reads.names("params") {
		if name := one.steps[1]; !slices.Contains(names, name) && t.reads.certain(one) {
			m.add(t.d, one.at, "undeclared-param", "declare it with a default in spec.params of the template",
				"param %q is declared neither here nor by resource %q of %s: an owner that does not set it is stuck%s", name, r.Name, c.compiled.Name, paper.Suggest(name, names))
		}
	}
}

// checkOwner: which blueprint takes an owner, and which of its params count.
func (m *model) checkOwner(o *ownerFile) {
	view := owner.Of(o.object)
	matches := preview.Why(&m.objects, o.object)
	if len(matches) == 0 || len(view.Labels) == 0 {
		return
	}
	var best []string
	most := 0
	for _, match := range matches {
		switch {
		case !match.Matches() || match.Asked < most:
		case match.Asked > most:
			best, most = []string{match.Of}, match.Asked
		default:
			best = append(best, match.Of)
		}
	}
	at := o.d.Place("metadata.labels")
	switch {
	case len(best) == 0:
		near := ""
		if len(matches[0].Unmet) > 0 {
			near = ": " + matches[0].Of + " is nearest, but " + strings.Join(matches[0].Unmet, "; ")
		}
		m.add(o.d, at, "no-blueprint", "", "no %s of the files takes it%s", view.BlueprintKind, near)
		return
	case len(best) > 1:
		m.add(o.d, at, "selector-tie", "let one of them ask for more", "%s match it equally well, so that none takes it", strings.Join(best, " and "))
		return
	}
	for _, c := range m.blueprints {
		if c.compiled.Name == best[0] && c.compiled.Kind == view.BlueprintKind {
			m.forced(o, &view, c)
			m.unread(o, &view, c)
		}
	}
}

// unread: a param that an owner sets and no template of its blueprint reads.
func (m *model) unread(o *ownerFile, view *owner.Owner, c *chain) {
	var every []*source
	for _, r := range c.resources {
		templates, all := m.taken(r)
		if !all {
			return
		}
		every = append(every, templates...)
	}
	for i, p := range view.Params {
		if !slices.ContainsFunc(every, func(t *source) bool { return t.reads.sees("params", p.Name) }) {
			m.add(o.d, o.d.Place(index("spec.params", i)+".name"), "unused-param", "take it away", "param %q is set, but no template of %s %s reads it%s",
				p.Name, c.compiled.Kind, c.compiled.Name, paper.Suggest(p.Name, paramNames(every)))
		}
	}
}

// forced: a value of the blueprint protects a param from the owner.
func (m *model) forced(o *ownerFile, view *owner.Owner, c *chain) {
	for i, p := range view.Params {
		if where := c.forces(p.Name); where != "" {
			m.add(o.d, o.d.Place(index("spec.params", i)+".name"), "forced-param", "take it away, or give the param a default in place of the value at "+where,
				"param %q has no effect: %s %s forces its value", p.Name, c.compiled.Kind, c.compiled.Name)
		}
	}
}

// forces is the place where a param is forced for every resource that might read it.
func (c *chain) forces(name string) string {
	where := ""
	for i, p := range c.params {
		if p.Name == name {
			if where = ""; p.Value != nil {
				where = c.d.Place(index("spec.params", i)).String()
			}
		}
	}
	if where == "" {
		return ""
	}
	for _, r := range c.resources {
		for _, p := range r.Params {
			if p.Name == name && p.Value == nil {
				return "" // opened again
			}
		}
	}
	return where
}
