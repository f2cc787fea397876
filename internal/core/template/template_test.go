// SPDX-License-Identifier: Apache-2.0

package template_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/template"
)

func compile(t *testing.T, kind, spec string) *template.Template {
	t.Helper()
	object := template.New[kind]()
	text := "{metadata: {name: t, uid: u, generation: 3}, spec: " + spec + "}"
	if err := yaml.UnmarshalStrict([]byte(text), object); err != nil {
		t.Fatal(err)
	}
	return template.Compile(object, nil)
}

const body = `template: {apiVersion: v1, kind: ConfigMap, metadata: {name: $(name)$}}`

// Each kind promises outputs of its own, in their order.
func TestCompileOutputs(t *testing.T) {
	cases := map[string]struct {
		why, spec string
		want      []string
	}{
		template.SourceKind:     {"url, then revision", `{urlPath: .u, revisionPath: .r, ` + body + `}`, []string{"url .u", "revision .r"}},
		template.ImageKind:      {"an image", `{imagePath: .i, ` + body + `}`, []string{"image .i"}},
		template.ConfigKind:     {"a config", `{configPath: .c, ` + body + `}`, []string{"config .c"}},
		template.DeploymentKind: {"what it was given, not what the object holds", `{observedMatches: [{input: .a, output: .b}], ` + body + `}`, nil},
		template.PlainKind:      {"nothing", `{` + body + `}`, nil},
	}
	for kind, c := range cases {
		t.Run(kind, func(t *testing.T) {
			got := compile(t, kind, c.spec)
			var outputs []string
			for _, o := range got.Outputs {
				outputs = append(outputs, o.Name+" "+o.Path.String())
			}
			if diff := cmp.Diff(c.want, outputs); diff != "" {
				t.Errorf("%s:\n%s", c.why, diff)
			}
			if got.Kind != kind || got.Name != "t" || got.UID != "u" || got.Generation != 3 || got.Lifecycle != v1alpha1.LifecycleMutable {
				t.Errorf("compiled %+v", got)
			}
			if want := kind != template.PlainKind; got.Yields() != want || (got.Deployed != nil) != (kind == template.DeploymentKind) {
				t.Errorf("yields: %t, want %t", got.Yields(), want)
			}
			object, err := got.Render(t.Context(), map[string]any{"name": "x"})
			if err != nil || object["metadata"].(map[string]any)["name"] != "x" {
				t.Errorf("rendered %v, %v", object, err)
			}
		})
	}
	if len(template.New) != len(cases) {
		t.Errorf("%d kinds are known, %d are tested", len(template.New), len(cases))
	}
}

// A template that is wrong compiles, and says so to each who renders it.
func TestRenderRefuses(t *testing.T) {
	cases := map[string]struct{ why, kind, spec, want string }{
		"Neither":   {"nothing to stamp", template.PlainKind, `{}`, "invalid template: must specify one of template or ytt, found neither"},
		"Ytt":       {"a language that nobody here speaks", template.PlainKind, `{ytt: "a: b"}`, "unable to apply ytt template: nothing here evaluates ytt"},
		"Both":      {"two things to stamp", template.PlainKind, `{ytt: "a: b", ` + body + `}`, "invalid template: must specify one of template or ytt, found both"},
		"EmptyPath": {"a path that is required, and empty", template.ImageKind, `{imagePath: "", ` + body + `}`, "reading the path of output image: empty jsonpath not allowed"},
		"BadPath":   {"a path that is none", template.SourceKind, `{urlPath: .u, revisionPath: "x[?(", ` + body + `}`, "reading the path of output revision: evaluate: failed to parse jsonpath 'x[?('"},
		"Deployed":  {"nothing says when it is done", template.DeploymentKind, `{` + body + `}`, "must set exactly one of spec.ObservedMatches and spec.ObservedCompletion"},
		"NoObject":  {"a template that is no object", template.PlainKind, `{template: [a]}`, "template is not an object"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if _, err := compile(t, c.kind, c.spec).Render(t.Context(), map[string]any{"name": "x"}); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: err = %v, want %q", c.why, err, c.want)
			}
		})
	}
}

func TestCompileKeepsTheRest(t *testing.T) {
	got := compile(t, template.PlainKind, `{lifecycle: tekton, params: [{name: p, default: 1}], healthRule: {singleConditionType: Ready}, `+body+`}`)
	if got.Lifecycle != "tekton" || len(got.Params) != 1 || got.HealthRule.SingleConditionType != "Ready" {
		t.Errorf("compiled %+v", got)
	}
}
