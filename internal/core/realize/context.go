// SPDX-License-Identifier: Apache-2.0

package realize

import (
	"maps"
	"slices"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/output"
	"rhumb.run/rhumb/internal/core/owner"
	"rhumb.run/rhumb/internal/core/plan"
	"rhumb.run/rhumb/internal/core/template"
)

// inputs are the outputs that a step reads, under the names that it gave them.
// One whose producer has none yet is not there.
type inputs struct {
	sources, images, configs map[string]any
	deployment               any
}

func collect(s *plan.Step, outputs map[string]output.Output) inputs {
	in := inputs{map[string]any{}, map[string]any{}, map[string]any{}, nil}
	gather(in.sources, s.Sources, outputs, output.URL, output.Revision)
	gather(in.images, s.Images, outputs, output.Image)
	gather(in.configs, s.Configs, outputs, output.Config)
	out := outputs[s.Deployment]
	if _, yields := out[output.URL]; s.Deployment != "" && yields {
		in.deployment = map[string]any{"url": out[output.URL], "revision": out[output.Revision], "name": ""}
	}
	return in
}

func gather(into map[string]any, refs []v1alpha1.ResourceReference, outputs map[string]output.Output, fields ...string) {
	for _, ref := range refs {
		out := outputs[ref.Resource]
		if _, yields := out[fields[0]]; !yields {
			continue // nothing yet, or nothing of this sort
		}
		input := map[string]any{"name": ref.Name}
		for _, f := range fields {
			input[f] = out[f]
		}
		into[ref.Name] = input
	}
}

// byName is all inputs as plain JSON, for their digest.
func (in inputs) byName() map[string]any {
	return map[string]any{"sources": in.sources, "images": in.images, "configs": in.configs, "deployment": in.deployment}
}

// of is the inputs of the sort that a template kind yields.
func (in inputs) of(kind string) map[string]any {
	switch kind {
	case template.SourceKind:
		return in.sources
	case template.ImageKind:
		return in.images
	case template.ConfigKind:
		return in.configs
	}
	return nil
}

func (in inputs) named(name, kind string) (output.Output, bool) {
	input, ok := in.of(kind)[name].(map[string]any)
	if !ok {
		return nil, false
	}
	out := output.Output{}
	for _, field := range output.Names {
		if value, ok := input[field]; ok {
			out[field] = value
		}
	}
	return out, true
}

func (in inputs) names(kind string) []string {
	return slices.Sorted(maps.Keys(in.of(kind)))
}

// templateContext is what a template sees. The owner goes by both names; the singular
// forms are there only if exactly one input of the sort is.
func templateContext(o *owner.Owner, params map[string]any, in inputs, labels map[string]string) map[string]any {
	c := map[string]any{
		"workload":    o.Object,
		"deliverable": o.Object,
		"params":      params,
		"sources":     in.sources,
		"images":      in.images,
		"configs":     in.configs,
		"deployment":  in.deployment,
		"labels":      labels,
	}
	if only, ok := single(in.sources); ok {
		c["source"] = only
	}
	if only, ok := single(in.images); ok {
		c["image"] = only[output.Image]
	}
	if only, ok := single(in.configs); ok {
		c["config"] = only[output.Config]
	}
	return c
}

func single(of map[string]any) (map[string]any, bool) {
	if len(of) != 1 {
		return nil, false
	}
	for _, only := range of {
		return only.(map[string]any), true
	}
	return nil, false
}
