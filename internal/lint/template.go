// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"maps"
	"slices"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"

	"rhumb.run/rhumb/internal/core/template"
	"rhumb.run/rhumb/internal/paper"
)

// What templates are given.
var (
	ownerKeys = []string{"workload", "deliverable", "params", "sources", "images", "configs", "deployment", "labels", "source", "image", "config"}
	runKeys   = []string{"runnable", "selected", "pipeline"}
)

// checkTemplate looks at what a template reads and declares.
func (m *model) checkTemplate(t *source) {
	keys := ownerKeys
	if template.NewRun[t.kind] != nil {
		keys = runKeys
	}
	for _, one := range t.reads.all {
		key := one.steps[0]
		if !slices.Contains(keys, key) {
			m.add(t.d, one.at, "unknown-key", fix(key, keys), "%s reads %q, which no template is given%s", one.text, key, paper.Suggest(key, keys))
			continue
		}
		m.checkOwnerPath(t, one)
		m.checkInputField(t, one)
	}
	for _, one := range t.reads.unclosed {
		m.add(t.d, one.at, "unclosed-tag", "write $("+one.text+")$", "$(%s) is text: a tag ends with )$", one.text)
	}
	said := map[string]bool{}
	for i, p := range t.params {
		at := t.d.Place(index("spec.params", i) + ".name")
		switch {
		case said[p.Name]:
			m.add(t.d, at, "duplicate-param", "take one of them away", "param %q is declared twice: the last one counts", p.Name)
		case !t.reads.sees("params", p.Name):
			m.add(t.d, at, "unused-param", "take it away, or read it: $(params."+p.Name+")$", "param %q is declared but never read", p.Name)
		}
		said[p.Name] = true
	}
}

// fieldsOf are what each sort of input has below its name.
var fieldsOf = map[string][]string{
	"sources": {"url", "revision", "name"}, "images": {"image", "name"}, "configs": {"config", "name"},
}

// checkInputField: a field that inputs of this sort do not have is never there.
func (m *model) checkInputField(t *source, one read) {
	fields, at := fieldsOf[one.steps[0]], 2
	if one.steps[0] == "source" || one.steps[0] == "deployment" {
		fields, at = fieldsOf["sources"], 1
	}
	if fields == nil || len(one.steps) <= at || slices.Contains(fields, one.steps[at]) {
		return
	}
	m.add(t.d, one.at, "unknown-path", fix(one.steps[at], fields), "%s can't be filled in: %s has no field %q%s",
		one.quote(), strings.Join(one.steps[:at], "."), one.steps[at], paper.Suggest(one.steps[at], fields))
}

// quote is the read as it is written.
func (r read) quote() string {
	if r.ytt {
		return r.text
	}
	return "$(" + r.text + ")$"
}

// schemasOf are the kinds that a key of the context may hold.
var schemasOf = map[string][]string{
	"workload": {"Workload", "Deliverable"}, "deliverable": {"Deliverable", "Workload"}, "runnable": {"Runnable", "Pipeline"}, "pipeline": {"Pipeline", "Runnable"},
}

// checkOwnerPath: a field that the owner's kind does not have is never there.
func (m *model) checkOwnerPath(t *source, one read) {
	var names []string
	var at string
	for i, kind := range schemasOf[one.steps[0]] {
		s := schemaOf(kind)
		if s == nil {
			return
		}
		near, parent, ok := leads(s, one.steps[1:])
		if ok {
			return
		}
		if i == 0 {
			names, at = near, parent
		}
	}
	if names == nil {
		return
	}
	bad := one.steps[1+strings.Count(at, ".")]
	if at == "" {
		bad = one.steps[1]
	}
	m.add(t.d, one.at, "unknown-path", fix(bad, names), "%s can't be filled in: %s has no field %q%s", one.quote(), one.steps[0]+at, bad, paper.Suggest(bad, names))
}

// leads follows steps through a schema; if they lead out of it, it tells what
// there is instead, and where.
func leads(s *apiextensionsv1.JSONSchemaProps, steps []string) (names []string, parent string, ok bool) {
	for i, step := range steps {
		if i == 1 && steps[0] == "metadata" {
			return metadataFields, ".metadata", slices.Contains(metadataFields, step)
		}
		if holdsAnything(s) {
			return nil, "", true
		}
		child, known := s.Properties[step]
		if !known {
			if len(s.Properties) == 0 {
				return nil, "", s.Type == "object" || s.Type == ""
			}
			return slices.Sorted(maps.Keys(s.Properties)), parent, false
		}
		parent += "." + step
		s = &child
	}
	return nil, "", true
}

func holdsAnything(s *apiextensionsv1.JSONSchemaProps) bool {
	return preserves(s) || s.AdditionalProperties != nil || s.Type == "array" || s.XIntOrString
}
