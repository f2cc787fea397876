// SPDX-License-Identifier: Apache-2.0

// Package plan turns a blueprint and an owner into steps: each with its
// template chosen, its inputs wired and its parameters gathered, producers
// before consumers whatever the order in which they were written.
//
//	Blueprint + Owner ─Resolve─▶ Plan{Steps in dependency order, each knowing its place in the blueprint}
package plan

import (
	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/blueprint"
	"rhumb.run/rhumb/internal/core/output"
	"rhumb.run/rhumb/internal/core/owner"
	"rhumb.run/rhumb/internal/core/template"
)

// Plan is what there is to do for an owner.
type Plan struct {
	Owner     *owner.Owner
	Blueprint *blueprint.Blueprint
	Steps     []Step
	// Given are outputs that are known before the walk, by the name of the step
	// that yields them. Such a step is stamped, but what it yields is not waited for.
	Given map[string]output.Output
}

// Step is a resource of the blueprint, ready to be taken.
type Step struct {
	*blueprint.Resource
	// Index is the resource's place in the blueprint.
	Index int
	// Chosen is the template to stamp; its name is empty if the step passes an input through.
	Chosen      template.Ref
	PassThrough string
	// Err says why no template could be chosen.
	Err error
}

// Resolve plans the owner's way along the blueprint. A step that cannot be
// resolved carries the reason; the others are not harmed.
func Resolve(b *blueprint.Blueprint, o *owner.Owner) Plan {
	p := Plan{Owner: o, Blueprint: b, Steps: make([]Step, 0, len(b.Resources))}
	for _, i := range order(b.Resources) {
		r := &b.Resources[i]
		option, err := r.Choice(o, b.Name)
		p.Steps = append(p.Steps, Step{
			Resource:    r,
			Index:       i,
			Chosen:      template.Ref{Kind: r.Template.Kind, Name: option.Template},
			PassThrough: option.PassThrough,
			Err:         err,
		})
	}
	return p
}

// Inputs are all references of a step, in the order in which they are reported.
func (s *Step) Inputs() []v1alpha1.ResourceReference {
	var out []v1alpha1.ResourceReference
	out = append(out, s.Sources...)
	out = append(out, s.Images...)
	if s.Deployment != "" {
		out = append(out, v1alpha1.ResourceReference{Resource: s.Deployment})
	}
	return append(out, s.Configs...)
}
