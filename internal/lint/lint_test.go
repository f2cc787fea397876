// SPDX-License-Identifier: Apache-2.0

package lint_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"rhumb.run/rhumb/internal/lint"
	"rhumb.run/rhumb/internal/paper"
)

func look(t testing.TB, text string, o lint.Options) []lint.Finding {
	t.Helper()
	docs, err := paper.Parse("f.yaml", []byte(text))
	if err != nil {
		return lint.Run(nil, []error{err}, o)
	}
	return lint.Run(docs, nil, o)
}

var expectation = regexp.MustCompile(`(?m)^# (why|refused|schema|webhook): (.*)$|^# (accepted)$`)

// What the API server refuses, lint calls an error, and nothing else: the
// documents are those that config tries on a real one.
func TestSaysWhatTheServerSays(t *testing.T) {
	files, err := filepath.Glob("../../config/testdata/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no documents", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for part := range strings.SplitSeq("\n"+string(text), "\n---\n") {
			said := map[string]string{}
			for _, m := range expectation.FindAllStringSubmatch(part, -1) {
				said[m[1]+m[3]] = m[2]
			}
			if said["why"] == "" {
				continue
			}
			_, accepted := said["accepted"]
			var errors []string
			for _, f := range look(t, part, lint.Options{}) {
				if f.Severity == lint.Error {
					errors = append(errors, f.String())
				}
			}
			if accepted == (len(errors) > 0) {
				t.Errorf("%s: %s: accepted: %v, but lint says %q", filepath.Base(file), said["why"], accepted, errors)
			}
		}
	}
}

func chainOf(name, spec string) string {
	return "---\n{apiVersion: carto.run/v1alpha1, kind: ClusterSupplyChain, metadata: {name: " + name + "}, spec: {resources: [], " + spec + "}}\n"
}

func templateOf(spec string) string {
	return "---\n{apiVersion: carto.run/v1alpha1, kind: ClusterTemplate, metadata: {name: t}, spec: {" + spec + "}}\n"
}

const stamped = `apiVersion: v1, kind: ConfigMap, metadata: {name: a}`

func TestFinds(t *testing.T) {
	const shop = "---\n{apiVersion: carto.run/v1alpha1, kind: Workload, metadata: {name: shop, labels: {a: b, c: d}}, spec: {}}\n"
	for name, c := range map[string]struct {
		why, text string
		want      string // the rules found
	}{
		"Tie":         {"two that ask for the same take nobody", chainOf("x", "selector: {a: b, c: d}") + chainOf("z", "selector: {c: d, a: b}"), "selector-tie"},
		"NoTie":       {"one asks for more", chainOf("x", "selector: {a: b, c: d}") + chainOf("z", "selector: {c: d}"), ""},
		"OwnerTies":   {"an owner that two describe equally well", chainOf("x", "selector: {a: b}") + chainOf("z", "selector: {c: d}") + shop, "selector-tie"},
		"OwnerFits":   {"an owner that one describes best", chainOf("x", "selector: {a: b, c: d}") + chainOf("z", "selector: {c: d}") + shop, ""},
		"OwnerLost":   {"an owner that nobody takes", chainOf("x", "selector: {a: z}") + shop, "no-blueprint"},
		"Twice":       {"who is applied last wins", shop + shop, "duplicate-object"},
		"UnmetNone":   {"a label that is and is not there", chainOf("x", "selectorMatchExpressions: [{key: a, operator: Exists}, {key: a, operator: DoesNotExist}]"), "selector-unmet"},
		"UnmetIn":     {"two lists without a common value", chainOf("x", "selectorMatchExpressions: [{key: a, operator: In, values: [b]}, {key: a, operator: In, values: [c]}]"), "selector-unmet"},
		"MetIn":       {"two lists with one", chainOf("x", "selectorMatchExpressions: [{key: a, operator: In, values: [b, c]}, {key: a, operator: In, values: [c]}]"), ""},
		"UnmetField":  {"a field that is and is not there", chainOf("x", "selectorMatchFields: [{key: spec.image, operator: Exists}, {key: spec.image, operator: DoesNotExist}]"), "selector-unmet"},
		"MetField":    {"a field that is null is not among values, and does not exist", chainOf("x", "selectorMatchFields: [{key: spec.source, operator: NotIn, values: [a]}, {key: spec.source, operator: DoesNotExist}]"), ""},
		"UnmetNotIn":  {"a field that is and is not one of some", chainOf("x", "selectorMatchFields: [{key: spec.image, operator: In, values: [a]}, {key: spec.image, operator: NotIn, values: [a, b]}]"), "selector-unmet"},
		"UnmetFields": {"two lists without a common value", chainOf("x", "selectorMatchFields: [{key: spec.image, operator: In, values: [a]}, {key: spec.image, operator: In, values: [b]}]"), "selector-unmet"},
		"ParamRead":   {"nested in text", templateOf("params: [{name: p, default: 1}], template: {" + stamped + ", data: {x: 'a-$(params.p)$-b'}}"), ""},
		"ParamDeep":   {"a field of it", templateOf("params: [{name: p, default: {a: 1}}], template: {" + stamped + ", data: {x: '$(params.p.a)$'}}"), ""},
		"ParamKey":    {"in brackets", templateOf(`params: [{name: p, default: 1}], template: {` + stamped + `, data: {x: "$(params['p'])$"}}`), ""},
		"ParamAll":    {"all of them", templateOf("params: [{name: p, default: 1}], template: {" + stamped + ", data: {x: '$(params)$'}}"), ""},
		"ParamAny":    {"by a wildcard", templateOf("params: [{name: p, default: 1}], template: {" + stamped + ", data: {x: '$(params.*)$'}}"), ""},
		"ParamDown":   {"from anywhere", templateOf("params: [{name: p, default: 1}], template: {" + stamped + ", data: {x: '$(..p)$'}}"), ""},
		"Unclosed":    {"a tag that ends too early", templateOf("template: {" + stamped + ", data: {x: 'a-$(workload.metadata.name)-b'}}"), "unclosed-tag"},
		"OthersTag":   {"what Tekton and shells write", templateOf("template: {" + stamped + ", data: {x: '$(params.p) $(date) $(context.run.name)'}}"), ""},
		"ParamUnread": {"another one", templateOf("params: [{name: p, default: 1}], template: {" + stamped + ", data: {x: '$(params.q)$'}}"), "unused-param"},
		"YttRead":     {"by ytt", templateOf(`params: [{name: p, default: 1}], ytt: 'x: #@ data.values.params.p'`), ""},
		"YttKey":      {"by ytt, in brackets", templateOf(`params: [{name: p, default: 1}], ytt: 'x: #@ data.values.params["p"]'`), ""},
		"YttAny":      {"by a name that is computed", templateOf(`params: [{name: p, default: 1}], ytt: 'x: #@ data.values.params[name]'`), ""},
		"YttAsked":    {"by a function", templateOf(`params: [{name: p, default: 1}], ytt: 'x: #@ hasattr(data.values.params, "p")'`), ""},
		"YttPassed":   {"all of data handed on", templateOf(`params: [{name: p, default: 1}], ytt: 'x: #@ f(data.values)'`), ""},
		"YttRenamed":  {"by another name", templateOf(`params: [{name: p, default: 1}], ytt: 'load("@ytt:data", d="data")'`), ""},
		"YttUnread":   {"not at all", templateOf(`params: [{name: p, default: 1}], ytt: 'x: #@ data.values.params.q'`), "unused-param"},
		"YttPath":     {"a field that owners do not have", templateOf(`ytt: 'x: #@ data.values.workload.spec.imag'`), "unknown-path"},
		"YttMethod":   {"a method is no field", templateOf(`ytt: 'x: #@ data.values.workload.spec.get("image")'`), ""},
		"YttComment":  {"what ytt leaves out", templateOf("ytt: '#! x: #@ data.values.wrkload'"), ""},
		"SourceField": {"a field that sources do not have", templateOf(`template: {` + stamped + `, data: {x: $(sources.a.urll)$}}`), "unknown-path"},
		"SourceDeep":  {"a revision may be an object", templateOf(`template: {` + stamped + `, data: {x: $(source.revision.branch)$, y: $(images.a.image.b)$}}`), ""},
		"Deployment":  {"a field that deployments do not have", templateOf(`template: {` + stamped + `, data: {x: $(deployment.image)$}}`), "unknown-path"},
		"OwnerPath":   {"labels may have any name", templateOf(`template: {` + stamped + `, data: {x: '$(workload.metadata.labels.any)$', y: '$(workload.spec.params[?(@.name=="a")].value)$', z: $(workload.spec.env)$}}`), ""},
		"BothOwners":  {"a workload's field by the deliverable's name", templateOf(`template: {` + stamped + `, data: {x: $(deliverable.spec.image)$}}`), ""},
		"WrongOwner":  {"a field of neither", templateOf(`template: {` + stamped + `, data: {x: $(deliverable.spec.imag)$}}`), "unknown-path"},
		"NotText":     {"y is a boolean to YAML", chainOf("y", "selector: {a: b}"), "type"},
		"Misspelt":    {"what is misspelt is missing too, and that is said once", templateOf("templte: {" + stamped + "}"), "unknown-field"},
		"Version":     {"of another version", "{apiVersion: carto.run/v1, kind: Workload}", "unknown-kind"},
		"Elsewhere":   {"of another group", "{apiVersion: v1, kind: Secret, nonsense: 1}", ""},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			found := look(t, c.text, lint.Options{})
			for _, f := range found {
				got = append(got, f.Rule)
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("%s: found %v, want %q: %v", c.why, got, c.want, found)
			}
		})
	}
}

// A file that is applied after another is no mistake: of an owner there may be several.
func TestOneNameInTwoFiles(t *testing.T) {
	for name, c := range map[string]struct {
		why, text string
		want      int
	}{
		"Owner":    {"a file for each thing to try", "{apiVersion: carto.run/v1alpha1, kind: Workload, metadata: {name: a, labels: {a: b}}, spec: {}}", 0},
		"Template": {"which of them do owners get?", "{apiVersion: carto.run/v1alpha1, kind: ClusterTemplate, metadata: {name: a}, spec: {template: {" + stamped + "}}}", 1},
	} {
		var all []*paper.Document
		for _, file := range []string{"one.yaml", "two.yaml"} {
			docs, err := paper.Parse(file, []byte(c.text))
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, docs...)
		}
		if found := lint.Run(all, nil, lint.Options{}); len(found) != c.want {
			t.Errorf("%s: %s: %d findings, want %d: %v", name, c.why, len(found), c.want, found)
		}
	}
}

// An order that a map gives would make each run's output another one.
func TestIsSteady(t *testing.T) {
	text := templateOf(`params: [{name: p, default: 1}, {name: q, default: 1}], x: 1, y: 2, template: {`+stamped+`, data: {x: $(wrkload.x)$, y: $(sorce.y)$}}`) +
		strings.Replace(templateOf("template: {x: $(nobody)$}"), "name: t", "name: u", 1)
	first := look(t, text, lint.Options{})
	for range 50 {
		again := look(t, text, lint.Options{})
		if len(first) == 0 || len(again) != len(first) {
			t.Fatalf("%d findings, then %d", len(first), len(again))
		}
		for i := range first {
			if again[i] != first[i] {
				t.Fatalf("%v, then %v", first[i], again[i])
			}
		}
	}
}

func FuzzRun(f *testing.F) {
	f.Add(templateOf("ytt: 'data.values.a[\"b\"]('"))
	f.Add(templateOf("template: {a: '$(a[?(@.b)])$ $($()$'}"))
	f.Add(chainOf("x", "selector: {a: b}, params: [{name: 1}]"))
	f.Fuzz(func(t *testing.T, text string) {
		for _, one := range look(t, text, lint.Options{Complete: true}) {
			if one.Line < 1 || one.Column < 1 {
				t.Errorf("nowhere: %v", one)
			}
		}
	})
}
