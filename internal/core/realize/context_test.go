// SPDX-License-Identifier: Apache-2.0

package realize_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rhumb.run/rhumb/api/carto/v1alpha1"
)

// The singular forms are there with exactly one input of the sort, neither with none nor with two.
func TestSingularForms(t *testing.T) {
	const producers = `
metadata: {name: web}
spec:
  resources:
    - {name: source, templateRef: {kind: ClusterSourceTemplate, name: source}}
    - {name: source-2, templateRef: {kind: ClusterSourceTemplate, name: source-2}}
    - {name: image, templateRef: {kind: ClusterImageTemplate, name: image}}
    - {name: image-2, templateRef: {kind: ClusterImageTemplate, name: image-2}}
    - {name: config, templateRef: {kind: ClusterConfigTemplate, name: config}}
    - {name: config-2, templateRef: {kind: ClusterConfigTemplate, name: config-2}}
    - {name: deploy, templateRef: {kind: ClusterTemplate, name: deploy}, INPUTS}
`
	of := func(name string) string {
		return `{apiVersion: test.run/v1, kind: Test, metadata: {name: ` + name + `}, spec: {v: v, w: w}}`
	}
	cases := map[string]struct {
		why, inputs, tag string
		want             any
	}{
		"NoSource":   {"none", "sources: []", "source", nil},
		"OneSource":  {"the whole input", "sources: [{name: in, resource: source}]", "source", map[string]any{"url": "v", "revision": "w", "name": "in"}},
		"TwoSources": {"two", "sources: [{name: in, resource: source}, {name: on, resource: source-2}]", "source", nil},
		"NoImage":    {"none", "images: []", "image", nil},
		"OneImage":   {"the bare value", "images: [{name: in, resource: image}]", "image", "v"},
		"TwoImages":  {"two", "images: [{name: in, resource: image}, {name: on, resource: image-2}]", "image", nil},
		"NoConfig":   {"none", "configs: []", "config", nil},
		"OneConfig":  {"the bare value", "configs: [{name: in, resource: config}]", "config", "v"},
		"TwoConfigs": {"two", "configs: [{name: in, resource: config}, {name: on, resource: config-2}]", "config", nil},
		"OtherSort":  {"one of another sort", "sources: [{name: in, resource: source}]", "config", nil},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			r := follow(t)
			r.chain = &v1alpha1.ClusterSupplyChain{}
			load(t, strings.Replace(producers, "INPUTS", c.inputs, 1), r.chain)
			for _, n := range []string{"", "-2"} {
				r.template(&v1alpha1.ClusterSourceTemplate{}, `{metadata: {name: source`+n+`}, spec: {urlPath: spec.v, revisionPath: spec.w, template: `+of("source"+n)+`}}`)
				r.template(&v1alpha1.ClusterImageTemplate{}, `{metadata: {name: image`+n+`}, spec: {imagePath: spec.v, template: `+of("image"+n)+`}}`)
				r.template(&v1alpha1.ClusterConfigTemplate{}, `{metadata: {name: config`+n+`}, spec: {configPath: spec.v, template: `+of("config"+n)+`}}`)
			}
			r.template(&v1alpha1.ClusterTemplate{}, `{metadata: {name: deploy}, spec: {template: {apiVersion: test.run/v1, kind: Deployment, metadata: {name: app}, spec: {got: $(`+c.tag+`)$}}}}`)
			r.walk()
			if c.want == nil {
				if err := r.did["deploy"].Err; err == nil || !strings.Contains(err.Error(), "jsonpath returned empty list: "+c.tag) {
					t.Errorf("%s: err = %v, want %s missing", c.why, err, c.tag)
				}
				return
			}
			if diff := cmp.Diff(map[string]any{"got": c.want}, r.w.Find("Deployment", "app").Object["spec"]); diff != "" {
				t.Errorf("%s:\n%s", c.why, diff)
			}
		})
	}
}
