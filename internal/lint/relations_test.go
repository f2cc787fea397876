// SPDX-License-Identifier: Apache-2.0

package lint_test

import (
	"slices"
	"strings"
	"testing"

	"rhumb.run/rhumb/internal/lint"
)

// finds compares the rules that are found, in order, with those that are wanted.
func finds(t *testing.T, text, want, why string) {
	t.Helper()
	var got []string
	found := look(t, text, lint.Options{})
	for _, f := range found {
		got = append(got, f.Rule)
	}
	slices.Sort(got)
	if strings.Join(got, " ") != want {
		t.Errorf("%s: found %v, want %q: %v", why, got, want, found)
	}
}

// step is a chain of a producer of each sort and one resource, and its template.
func step(resource, template string) string {
	return `---
{apiVersion: carto.run/v1alpha1, kind: ClusterSupplyChain, metadata: {name: c}, spec: {selector: {a: b}, resources: [
  {name: s, templateRef: {kind: ClusterSourceTemplate, name: elsewhere}},
  {name: i, templateRef: {kind: ClusterImageTemplate, name: elsewhere}, sources: [{name: s, resource: s}]},
  {name: end, templateRef: {kind: ClusterTemplate, name: t}, images: [{name: unread, resource: i}], ` + resource + "}]}}\n" +
		templateOf("template: {"+stamped+", data: {unread: $(images.unread)$, "+template+"}}")
}

// deploy is a delivery with one resource that deploys, and its template.
func deploy(template string) string {
	return `---
{apiVersion: carto.run/v1alpha1, kind: ClusterDelivery, metadata: {name: c}, spec: {selector: {a: b}, resources: [
  {name: s, templateRef: {kind: ClusterSourceTemplate, name: elsewhere}},
  {name: end, templateRef: {kind: ClusterDeploymentTemplate, name: d}, deployment: {resource: s}}]}}
---
{apiVersion: carto.run/v1alpha1, kind: ClusterDeploymentTemplate, metadata: {name: d}, spec: {observedMatches: [{input: .a, output: .b}],
  template: {` + stamped + ", data: {x: " + template + "}}}}\n"
}

func TestFindsAboutInputs(t *testing.T) {
	for name, c := range map[string]struct{ why, text, want string }{
		"Read":         {"by its name", step("sources: [{name: code, resource: s}]", "x: $(sources.code.url)$"), ""},
		"ReadAsOne":    {"the only source goes without a name", step("sources: [{name: code, resource: s}]", "x: $(source.url)$"), ""},
		"ReadAsAll":    {"all of them are handed on", step("sources: [{name: code, resource: s}]", "x: $(sources)$"), ""},
		"Unread":       {"nobody looks at it", step("sources: [{name: code, resource: s}]", "x: y"), "unused-input"},
		"OtherName":    {"it is called otherwise", step("sources: [{name: code, resource: s}]", "x: $(sources.cod.url)$"), "missing-input unused-input"},
		"Missing":      {"there is none", step("params: []", "x: $(sources.code.url)$"), "missing-input"},
		"MissingAsOne": {"there is none to be the only one", step("params: []", "x: $(source.url)$"), "missing-input"},
		"MissingInConfig": {"nor of this sort", step("sources: [{name: code, resource: s}]",
			"x: $(sources.code.url)$, y: $(config)$"), "missing-input"},
		"Deployment":       {"what is deployed is read", deploy("$(deployment.url)$"), ""},
		"DeploymentUnread": {"what is deployed is of no consequence", deploy("y"), "unused-input"},
	} {
		t.Run(name, func(t *testing.T) { finds(t, c.text, c.want, c.why) })
	}
}

// owned is a chain with params, of one step with others, and an owner that sets p.
func owned(chain, resource, template string) string {
	return `---
{apiVersion: carto.run/v1alpha1, kind: ClusterSupplyChain, metadata: {name: c}, spec: {selector: {a: b}, params: [` + chain + `], resources: [
  {name: end, templateRef: {kind: ClusterTemplate, name: t}, params: [` + resource + `]}]}}
---
{apiVersion: carto.run/v1alpha1, kind: Workload, metadata: {name: w, labels: {a: b}}, spec: {params: [{name: p, value: 1}]}}
` + templateOf("template: {"+stamped+", data: {"+template+"}}")
}

func TestFindsAboutParams(t *testing.T) {
	for name, c := range map[string]struct{ why, text, want string }{
		"Open":       {"a default is the owner's to change", owned("{name: p, default: 1}", "", "x: $(params.p)$"), ""},
		"Forced":     {"a value is not", owned("{name: p, value: 1}", "", "x: $(params.p)$"), "forced-param"},
		"Opened":     {"a resource that gives a default opens it again", owned("{name: p, value: 1}", "{name: p, default: 2}", "x: $(params.p)$"), ""},
		"Last":       {"of two by one name the last counts", owned("{name: p, value: 1}, {name: p, default: 1}", "", "x: $(params.p)$"), "duplicate-param"},
		"Undeclared": {"only the owner knows of it", owned("", "", "x: $(params.p)$"), "undeclared-param"},
		"Unread":     {"what the owner sets, nobody reads", owned("", "", "x: y"), "unused-param"},
		"UnreadAll":  {"nor what the chain and the resource declare", owned("{name: q, default: 1}", "{name: r, default: 1}", "x: $(params.p)$"), "undeclared-param unused-param unused-param"},
		"ReadAsAll":  {"all of them are handed on", owned("{name: q, default: 1}", "", "x: $(params)$"), ""},
	} {
		t.Run(name, func(t *testing.T) { finds(t, c.text, c.want, c.why) })
	}
}

// An option that hands its input on has a use for it, though no template reads it.
func TestPassThroughReadsItsInput(t *testing.T) {
	chain := func(pass string) string {
		return `---
{apiVersion: carto.run/v1alpha1, kind: ClusterSupplyChain, metadata: {name: c}, spec: {selector: {a: b}, resources: [
  {name: i, templateRef: {kind: ClusterImageTemplate, name: t}},
  {name: scan, images: [{name: one, resource: i}, {name: two, resource: i}], templateRef: {kind: ClusterImageTemplate, options: [
    {name: t, selector: {matchLabels: {a: b}}}, {passThrough: ` + pass + `, selector: {matchLabels: {a: c}}}]}},
  {name: end, templateRef: {kind: ClusterTemplate, name: elsewhere}, images: [{name: i, resource: scan}]}]}}
---
{apiVersion: carto.run/v1alpha1, kind: ClusterImageTemplate, metadata: {name: t}, spec: {imagePath: .a, template: {` + stamped + "}}}\n"
	}
	for pass, line := range map[string]string{"one": "images[1]", "two": "images[0]"} {
		finds(t, chain(pass), "unused-input", line+" alone is never read")
	}
}

// Only what yields something can pass an input on for the owners for whom it stamps nothing: no other resource need take it.
func TestPassThroughNeedsNoTaker(t *testing.T) {
	chain := func(ref string) string {
		return `---
{apiVersion: carto.run/v1alpha1, kind: ClusterSupplyChain, metadata: {name: c}, spec: {selector: {a: b}, resources: [
  {name: i, templateRef: {kind: ClusterImageTemplate, name: elsewhere}},
  {name: end, images: [{name: one, resource: i}], templateRef: {kind: ClusterImageTemplate, ` + ref + "}}]}}\n"
	}
	finds(t, chain("options: [{name: elsewhere, selector: {matchLabels: {a: b}}}, {passThrough: one, selector: {matchLabels: {a: c}}}]"), "", "it could be no ClusterTemplate")
	finds(t, chain("options: [{name: elsewhere, selector: {matchLabels: {a: b}}}, {name: other, selector: {matchLabels: {a: c}}}]"), "unused-output", "it could")
}

const (
	runTemplate = `---
{apiVersion: carto.run/v1alpha1, kind: ClusterRunTemplate, metadata: {name: r}, spec: {outputs: {url: .spec.url, other: .spec.other},
  template: {apiVersion: a/v1, kind: Run, metadata: {generateName: a}, spec: {url: $(runnable.spec.inputs.url)$}}}}
`
	wholeTemplate = `---
{apiVersion: carto.run/v1alpha1, kind: ClusterRunTemplate, metadata: {name: r}, spec: {template: {apiVersion: a/v1, kind: Run, metadata: {generateName: a}, spec: {x: $(runnable.spec.inputs)$, s: $(selected.spec)$}}}}
`
)

func runnableOf(spec string) string {
	return "---\n{apiVersion: carto.run/v1alpha1, kind: Runnable, metadata: {name: x}, spec: {runTemplateRef: {name: r}, " + spec + "}}\n"
}

// stampedRun is a template of a Runnable that is read for outputs.
func stampedRun(inputs, outputs string) string {
	return "---\n{apiVersion: carto.run/v1alpha1, kind: ClusterSourceTemplate, metadata: {name: s}, spec: {" + outputs +
		", template: {apiVersion: carto.run/v1alpha1, kind: Runnable, metadata: {name: x}, spec: {runTemplateRef: {name: r}, " + inputs + "}}}}\n"
}

func TestFindsAboutRuns(t *testing.T) {
	const selects = "selector: {resource: {apiVersion: a/v1, kind: A}, matchingLabels: {a: b}}"
	for name, c := range map[string]struct{ why, text, want string }{
		"Fits":        {"what is given is read", runTemplate + runnableOf("inputs: {url: a}"), ""},
		"Unused":      {"its change would start a run for nothing", runTemplate + runnableOf("inputs: {url: a, old: b}"), "unused-input"},
		"Missing":     {"the run can't be made", runTemplate + runnableOf("inputs: {uri: a}"), "missing-input unused-input"},
		"None":        {"no inputs at all", runTemplate + runnableOf("serviceAccountName: a"), "missing-input"},
		"Whole":       {"all inputs are handed on", wholeTemplate + runnableOf(selects+", inputs: {a: b}"), ""},
		"Selected":    {"what is selected is never looked at", runTemplate + runnableOf(selects+", inputs: {url: a}"), "unused-input"},
		"Elsewhere":   {"the run template may be in the cluster", runnableOf("inputs: {a: b}"), ""},
		"Stamped":     {"a template of a Runnable", runTemplate + stampedRun("inputs: {url: $(workload.spec.image)$}", "urlPath: .status.outputs.url, revisionPath: .status.outputs.other"), ""},
		"StampedLess": {"an input by a wrong name", runTemplate + stampedRun("inputs: {uri: a}", "urlPath: .status.outputs.url, revisionPath: .status.outputs.other"), "missing-input unused-input"},
		"StampedAll":  {"inputs that are filled in as a whole", runTemplate + stampedRun("inputs: $(params.inputs)$, serviceAccountName: $(params.sa)$", "urlPath: .status.outputs.url, revisionPath: .status.outputs.other"), ""},
		"NoOutput":    {"it is never there", runTemplate + stampedRun("inputs: {url: a}", "urlPath: .status.outputs.uri, revisionPath: .status.outputs.other"), "missing-output unused-output"},
		"NotRead":     {"an output that nobody takes", runTemplate + stampedRun("inputs: {url: a}", "urlPath: .status.outputs.url, revisionPath: .status.outputs.url"), "unused-output"},
		"OtherGroup":  {"another group's Runnable", runTemplate + strings.Replace(stampedRun("inputs: {uri: a}", "urlPath: .a, revisionPath: .b"), "template: {apiVersion: carto.run/v1alpha1", "template: {apiVersion: other/v1", 1), ""},
	} {
		t.Run(name, func(t *testing.T) { finds(t, c.text, c.want, c.why) })
	}
}
