// SPDX-License-Identifier: Apache-2.0

package admit

import (
	"reflect"

	"rhumb.run/rhumb/api/carto/v1alpha1"
)

// checkOptionNames: a template that is chosen either way is no choice.
func (r *resource) checkOptionNames(f *finder) {
	seen := map[string]bool{}
	for i, o := range r.options {
		// Several pass-through options have no name in common: they are counted elsewhere.
		if o.Name != "" && seen[o.Name] {
			f.refuse(r.option(i, "name"), "duplicate template name [%s] found in options for resource [%s]", o.Name, r.name)
		}
		seen[o.Name] = true
	}
}

// checkTemplate: a resource names a template, or a choice of several.
func (r *resource) checkTemplate(f *finder, fields ownerFields) {
	within := &finder{prefix: f.prefix + "error validating resource [" + r.name + "]: "}
	at := r.at.to("templateRef")
	const oneOf = "exactly one of templateRef.Name or templateRef.Options must be specified, found "
	switch {
	case r.template != "" && len(r.options) > 0:
		within.refuse(at, oneOf+"both")
	case r.template == "" && len(r.options) == 0:
		within.refuse(at, oneOf+"neither")
	case len(r.options) == 1:
		within.refuse(at.to("options"), "templateRef.Options must have more than one option")
	}
	r.checkOptions(within, fields)
	f.problems = append(f.problems, within.problems...)
}

func (r *resource) checkOptions(f *finder, fields ownerFields) {
	passing := 0
	for _, o := range r.options {
		if o.PassThrough != "" {
			passing++
		}
	}
	if passing > 1 {
		f.refuse(r.at.to("templateRef", "options"), "cannot have more than one pass through option, found %d", passing)
	}
	const oneOf = "exactly one of option.Name or option.PassThrough must be specified, found "
	for i, o := range r.options {
		switch {
		case o.Name != "" && o.PassThrough != "":
			f.refuse(r.option(i), oneOf+"both")
		case o.Name == "" && o.PassThrough == "":
			f.refuse(r.option(i), oneOf+"neither")
		}
	}
	for i, o := range r.options {
		r.checkOptionSelector(f, fields, i, o)
	}
	r.checkSameSelectors(f)
	for i, o := range r.options {
		if o.PassThrough != "" {
			r.checkPassThrough(f, i, o.PassThrough)
		}
	}
}

// checkOptionSelector: whom an option is for can be told.
func (r *resource) checkOptionSelector(f *finder, fields ownerFields, i int, o v1alpha1.TemplateOption) {
	within := &finder{prefix: f.prefix + "error validating option [" + called(o) + "] selector: "}
	s, at := o.Selector, r.option(i, "selector")
	if len(s.MatchLabels)+len(s.MatchExpressions)+len(s.MatchFields) == 0 {
		within.refuse(at, "at least one of matchLabels, matchExpressions or MatchFields must be specified")
	}
	if err := validLabels(s.MatchLabels); err != nil {
		within.refuse(at.to("matchLabels"), "matchLabels are not valid: %v", err)
	}
	if err := validExpressions(s.MatchExpressions); err != nil {
		within.refuse(at.to("matchExpressions"), "matchExpressions are not valid: %v", err)
	}
	for k, want := range s.MatchFields {
		if err := fields.check(want); err != nil {
			within.refuse(at.to("matchFields", k), "%v", err)
		}
	}
	f.problems = append(f.problems, within.problems...)
}

// checkSameSelectors: whoever matches one option matches the other, and gets neither.
func (r *resource) checkSameSelectors(f *finder) {
	for i, o := range r.options {
		for k, p := range r.options[:i] {
			if reflect.DeepEqual(o.Selector, p.Selector) {
				f.refuse(r.option(i, "selector"), "duplicate selector found in options [%s, %s]", called(r.options[k]), called(o))
				return
			}
		}
	}
}

// checkPassThrough: what is passed on comes in, as what the resource yields.
func (r *resource) checkPassThrough(f *finder, i int, name string) {
	for _, in := range r.inputs {
		if in.kind != r.kind {
			continue
		}
		for _, ref := range in.refs {
			if ref.Name == name {
				return
			}
		}
		f.refuse(r.option(i, "passThrough"), "pass through [%s] does not refer to a known input", name)
		return
	}
	f.refuse(r.at.to("templateRef", "kind"), "TemplateRef.Kind [%s] is not a known type", r.kind)
}

func (r *resource) option(i int, below ...any) Path {
	return r.at.to("templateRef", "options", i).to(below...)
}

// called is how messages name an option.
func called(o v1alpha1.TemplateOption) string {
	if o.Name != "" {
		return o.Name
	}
	return o.PassThrough
}
