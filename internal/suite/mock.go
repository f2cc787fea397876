// SPDX-License-Identifier: Apache-2.0

package suite

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/blueprint"
	"rhumb.run/rhumb/internal/core/output"
	"rhumb.run/rhumb/internal/core/owner"
	"rhumb.run/rhumb/internal/core/plan"
	"rhumb.run/rhumb/internal/core/realize"
	"rhumb.run/rhumb/internal/core/template"
)

// mocked stamps the template as the one resource of a chain that is not there,
// whose other resources yield what the mock says.
func (r *runner) mocked(ctx context.Context) (*made, error) {
	if len(r.set.Templates) != 1 {
		return nil, fmt.Errorf("a test without a chain is about one template: add template.yaml, or set given.template.path")
	}
	o := owner.Of(r.set.Owners[0])
	t := template.Compile(r.set.Templates[0], r.engine)
	resource := &blueprint.Resource{Name: t.Name, Template: template.Ref{Kind: t.Kind, Name: t.Name}}
	p := plan.Plan{
		Owner:     &o,
		Blueprint: &blueprint.Blueprint{Kind: o.BlueprintKind, Name: "mock"},
		Steps:     []plan.Step{{Resource: resource, Chosen: resource.Template}},
		Given:     map[string]output.Output{},
	}
	if r.mock != nil {
		params, err := blueprintParams(r.mock.Params)
		if err != nil {
			return nil, err
		}
		p.Blueprint.Params = params
		r.mock.feed(&p, resource)
	}
	w, err := r.world()
	if err != nil {
		return nil, err
	}
	return one(realize.Walk(ctx, w, p))
}

// feed makes a producer of each input.
func (m *mock) feed(p *plan.Plan, resource *blueprint.Resource) {
	add := func(refs *[]v1alpha1.ResourceReference, inputs map[string]map[string]any, fields ...string) {
		for _, name := range slices.Sorted(maps.Keys(inputs)) {
			producer := fields[0] + " " + name
			out := output.Output{}
			for _, f := range fields {
				out[f] = inputs[name][f]
			}
			p.Given[producer] = out
			*refs = append(*refs, v1alpha1.ResourceReference{Name: name, Resource: producer})
		}
	}
	add(&resource.Sources, m.Inputs.Sources, output.URL, output.Revision)
	add(&resource.Images, m.Inputs.Images, output.Image)
	add(&resource.Configs, m.Inputs.Configs, output.Config)
	if d := m.Inputs.Deployment; d != nil {
		resource.Deployment = "deployment"
		p.Given[resource.Deployment] = output.Output{output.URL: d["url"], output.Revision: d["revision"]}
	}
}

func blueprintParams(from []blueprintParam) ([]v1alpha1.BlueprintParam, error) {
	var out []v1alpha1.BlueprintParam
	for _, p := range from {
		if (p.Value == nil) == (p.Default == nil) {
			return nil, fmt.Errorf("param [%s] is invalid: must set exactly one of value and default", p.Name)
		}
		fields := map[string]any{"name": p.Name, "value": p.Value}
		if p.Value == nil {
			fields = map[string]any{"name": p.Name, "default": p.Default}
		}
		raw, err := json.Marshal(fields)
		var one v1alpha1.BlueprintParam
		if err = errors.Join(err, json.Unmarshal(raw, &one)); err != nil {
			return nil, fmt.Errorf("reading param [%s]: %w", p.Name, err)
		}
		out = append(out, one)
	}
	return out, nil
}
