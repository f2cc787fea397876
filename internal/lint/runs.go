// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"maps"
	"slices"
	"strings"

	"rhumb.run/rhumb/internal/core/runnable"
	"rhumb.run/rhumb/internal/core/template"
	"rhumb.run/rhumb/internal/paper"
)

// run is a Runnable, or a template of one.
type run struct {
	d *paper.Document
	// at is where it stands in the document: empty, or spec.template.
	at       string
	template template.Ref
	// inputs are names; nil if they are filled in as a whole.
	inputs   []string
	selects  bool
	stamping bool
}

// keepRun takes a Runnable as it is written, since a template of one may have tags anywhere.
func (m *model) keepRun(d *paper.Document, at string, object map[string]any) {
	group, _, _ := strings.Cut(d.Object.GetAPIVersion(), "/")
	if version, _ := object["apiVersion"].(string); !strings.HasPrefix(version, group+"/") {
		return // another group has such a kind, too
	}
	name, _ := nested(object, "spec", "runTemplateRef", "name").(string)
	kind := template.RunKind
	if object["kind"] == runnable.PipelineKind {
		kind = template.NamespacedRunKind
	}
	if name == "" || strings.Contains(name, "$(") {
		return
	}
	r := &run{d: d, at: at, template: template.Ref{Kind: kind, Name: name}, selects: nested(object, "spec", "selector") != nil, stamping: at != ""}
	switch inputs := nested(object, "spec", "inputs").(type) {
	case nil:
		r.inputs = []string{}
	case map[string]any:
		r.inputs = append([]string{}, slices.Sorted(maps.Keys(inputs))...)
	}
	m.runs = append(m.runs, r)
}

// checkRuns: what a Runnable hands to its run template is read; what that
// reads, the Runnable has; what is read of it, its runs yield.
func (m *model) checkRuns() {
	read := map[*source]map[string]bool{}
	every := map[*source]bool{}
	for _, r := range m.runs {
		t := m.templates[r.template]
		if t == nil {
			m.runTemplateMissing(r)
			continue
		}
		m.runInputs(r, t)
		names, all := m.outputsRead(r, t)
		every[t] = every[t] || all
		if read[t] == nil {
			read[t] = map[string]bool{}
		}
		maps.Copy(read[t], names)
	}
	for t, names := range read {
		for _, name := range outputsOf(t) {
			if !every[t] && !names[name] {
				m.add(t.d, t.d.Place("spec.outputs"+paper.Key(name)), "unused-output", "read it: .status.outputs."+name, "nobody reads the output %q of the runs", name)
			}
		}
	}
}

func (m *model) runTemplateMissing(r *run) {
	if !m.options.Complete {
		return
	}
	m.add(r.d, r.d.Value(r.at+"spec.runTemplateRef.name"), "missing-template", "add it to the files, or name another",
		"%s/%s is not in the files%s", r.template.Kind, r.template.Name, paper.Suggest(r.template.Name, m.templateNames(r.template.Kind)))
}

func (m *model) runInputs(r *run, t *source) {
	reads, all := inputReads(t)
	if r.inputs == nil {
		return
	}
	for _, name := range r.inputs {
		if !all && !slices.ContainsFunc(reads, func(one read) bool { return one.steps[3] == name }) {
			m.add(r.d, r.d.Place(r.at+"spec.inputs"+paper.Key(name)), "unused-input", "take it away, or read $(runnable.spec.inputs."+name+")$",
				"input %q is never read by %s/%s: a change of it starts a run that does the same", name, t.kind, t.name)
		}
	}
	for _, one := range reads {
		if name := one.steps[3]; t.reads.certain(one) && !slices.Contains(r.inputs, name) {
			m.add(r.d, r.d.Place(r.at+"spec.inputs"), "missing-input", "add it to spec.inputs, or take it out of "+one.at.String(),
				"there is no input %q, which %s/%s reads%s", name, t.kind, t.name, paper.Suggest(name, r.inputs))
		}
	}
	if r.selects && !t.reads.sees("selected", "") {
		m.add(r.d, r.d.Place(r.at+"spec.selector"), "unused-input", "take the selector away, or read $(selected...)$", "what is selected is never read by %s/%s", t.kind, t.name)
	}
}

// inputReads are the places where a run template reads an input by name, and
// whether it may read any other.
func inputReads(t *source) (named []read, all bool) {
	all = t.reads.anything
	for _, one := range t.reads.all {
		leads := func(at int, to string) bool { return len(one.steps) <= at || one.steps[at] == to }
		switch {
		case one.steps[0] != "runnable" && one.steps[0] != "pipeline" || !leads(1, "spec") || !leads(2, "inputs"):
		case len(one.steps) > 3:
			named = append(named, one)
		default:
			all = true // the whole of them is handed on
		}
	}
	return named, all
}

// outputsRead are the outputs that the template of a Runnable reads of it. All
// of a Runnable that nobody stamps may be read by whoever looks.
func (m *model) outputsRead(r *run, t *source) (names map[string]bool, all bool) {
	if !r.stamping {
		return nil, true
	}
	names = map[string]bool{}
	yields := outputsOf(t)
	for _, field := range []string{"urlPath", "revisionPath", "imagePath", "configPath"} {
		text, _ := nested(r.d.Object.Object, "spec", field).(string)
		if text == "" {
			continue
		}
		steps, _, ok := parsePath(text)
		if !ok || len(steps) < 2 || steps[0] != "status" || steps[1] != "outputs" {
			continue
		}
		if len(steps) == 2 {
			all = true
			continue
		}
		names[steps[2]] = true
		if !slices.Contains(yields, steps[2]) {
			m.add(r.d, r.d.Value("spec."+field), "missing-output", "add it to spec.outputs of the run template, or read another",
				"spec.%s reads the output %q, which %s/%s does not yield%s", field, steps[2], t.kind, t.name, paper.Suggest(steps[2], yields))
		}
	}
	return names, all || r.d.Object.GetKind() == template.DeploymentKind || len(names) == 0 && r.d.Object.GetKind() == template.PlainKind
}

func outputsOf(t *source) []string {
	outputs, _ := nested(t.d.Object.Object, "spec", "outputs").(map[string]any)
	return slices.Sorted(maps.Keys(outputs))
}
