// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"encoding/json"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/runtime"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/blueprint"
	"rhumb.run/rhumb/internal/core/owner"
	"rhumb.run/rhumb/internal/core/runnable"
	"rhumb.run/rhumb/internal/core/template"
	"rhumb.run/rhumb/internal/paper"
)

// model is what the objects of all files say, for what they say of each other.
type model struct {
	*collector
	options    Options
	seen       map[string]*paper.Document
	blueprints []*chain
	templates  map[template.Ref]*source
	// kindsOf are the kinds of template that have a name.
	kindsOf map[string][]string
	owners  []*ownerFile
	runs    []*run
	objects paper.Set
}

// chain is a blueprint and where it stands.
type chain struct {
	d         *paper.Document
	object    blueprint.Object
	compiled  *blueprint.Blueprint
	params    []v1alpha1.BlueprintParam
	resources []*resource
}

// resource is one of a blueprint's, and where it stands.
type resource struct {
	*blueprint.Resource
	at string
	// list is the field of the resource for each sort of input.
	component bool
}

// source is a template and what it reads.
type source struct {
	d      *paper.Document
	kind   string
	name   string
	params []v1alpha1.TemplateParam
	reads  *reads
}

type ownerFile struct {
	d      *paper.Document
	object owner.Object
}

// keep puts an object where the others find it.
func (m *model) keep(d *paper.Document, object runtime.Object) {
	switch o := object.(type) {
	case blueprint.Object:
		if blueprint.New[d.Object.GetKind()] != nil {
			m.keepBlueprint(d, o)
			return
		}
		m.keepOther(d, object)
	default:
		m.keepOther(d, object)
	}
}

func (m *model) keepOther(d *paper.Document, object runtime.Object) {
	kind := d.Object.GetKind()
	if o, ok := object.(owner.Object); ok && owner.New[kind] != nil {
		m.owners = append(m.owners, &ownerFile{d, o})
		m.objects.Owners = append(m.objects.Owners, o)
		return
	}
	if runnable.New[kind] != nil {
		m.keepRun(d, "", d.Object.Object)
		return
	}
	if template.Kinds()[kind] == nil {
		return
	}
	var spec struct {
		Spec struct {
			Template json.RawMessage          `json:"template"`
			Ytt      string                   `json:"ytt"`
			Params   []v1alpha1.TemplateParam `json:"params"`
		} `json:"spec"`
	}
	if err := json.Unmarshal(d.JSON, &spec); err != nil {
		return
	}
	if kind := nested(d.Object.Object, "spec", "template", "kind"); runnable.New[fmt.Sprint(kind)] != nil {
		stamped, _ := nested(d.Object.Object, "spec", "template").(map[string]any)
		m.keepRun(d, "spec.template.", stamped)
	}
	t := &source{d: d, kind: kind, name: d.Object.GetName(), params: spec.Spec.Params}
	t.reads = readsOf(d, spec.Spec.Ytt)
	if m.templates == nil {
		m.templates, m.kindsOf = map[template.Ref]*source{}, map[string][]string{}
	}
	m.templates[template.Ref{Kind: kind, Name: t.name}] = t
	m.kindsOf[t.name] = append(m.kindsOf[t.name], kind)
}

func (m *model) keepBlueprint(d *paper.Document, o blueprint.Object) {
	c := &chain{d: d, object: o, compiled: blueprint.Of(o)}
	c.params = c.compiled.Params
	listed := 0
	if resources, ok := nested(d.Object.Object, "spec", "resources").([]any); ok {
		listed = len(resources)
	}
	for i := range c.compiled.Resources {
		r := &resource{Resource: &c.compiled.Resources[i], at: fmt.Sprintf("spec.resources[%d]", i)}
		if i >= listed {
			r.at, r.component = fmt.Sprintf("spec.components[%d]", i-listed), true
		}
		c.resources = append(c.resources, r)
	}
	m.blueprints = append(m.blueprints, c)
	m.objects.Blueprints = append(m.objects.Blueprints, o)
}

func nested(object any, keys ...string) any {
	for _, k := range keys {
		m, _ := object.(map[string]any)
		object = m[k]
	}
	return object
}

// relate looks at what objects say of each other.
func (m *model) relate() {
	for _, t := range m.templates {
		m.checkTemplate(t)
	}
	for _, c := range m.blueprints {
		m.checkSelector(c)
		for _, r := range c.resources {
			m.checkTemplates(c, r)
			m.checkInputs(c, r)
		}
		m.checkOutputs(c)
		m.checkParams(c)
	}
	m.checkTies()
	m.checkRuns()
	for _, o := range m.owners {
		m.checkOwner(o)
	}
}

// taken are the templates of a resource that are in the files, and whether all of them are.
func (m *model) taken(r *resource) (out []*source, all bool) {
	all = true
	for _, ref := range r.Templates() {
		t := m.templates[ref]
		if t == nil {
			all = false
			continue
		}
		out = append(out, t)
	}
	return out, all
}

// templateNames are those of a kind, in order.
func (m *model) templateNames(kind string) []string {
	var out []string
	for known := range m.templates {
		if known.Kind == kind {
			out = append(out, known.Name)
		}
	}
	slices.Sort(out)
	return out
}
