// SPDX-License-Identifier: Apache-2.0

package admit

import (
	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/template"
)

// blueprint is either kind of blueprint, in any spelling.
type blueprint struct {
	selector  v1alpha1.LegacySelector
	params    []v1alpha1.BlueprintParam
	resources []resource
	fields    ownerFields
	delivery  bool
}

// resource is an entry of a blueprint, and where it stands.
type resource struct {
	at         Path
	name       string
	kind       string
	template   string
	options    []v1alpha1.TemplateOption
	params     []v1alpha1.BlueprintParam
	inputs     []inputs
	deployment *string
}

// inputs is one of a resource's lists of inputs.
type inputs struct {
	list string
	// kind is that of the templates that yield them.
	kind string
	// reference is the key under which an input names its resource.
	reference string
	refs      []v1alpha1.ResourceReference
}

// SupplyChain says what is wrong with a supply chain.
func SupplyChain(c *v1alpha1.ClusterSupplyChain) []Problem {
	f := &finder{prefix: "error validating clustersupplychain [" + c.Name + "]: "}
	spelling(f, c.Spec)
	b := blueprint{selector: c.Spec.LegacySelector, params: c.Spec.Params, fields: workloadFields}
	for i, r := range c.Spec.Resources {
		b.resources = append(b.resources, resource{
			at: spec.to("resources", i), name: r.Name,
			kind: r.TemplateRef.Kind, template: r.TemplateRef.Name, options: r.TemplateRef.Options, params: r.Params,
			inputs: lists("resource", r.Sources, r.Images, r.Configs),
		})
	}
	for i, r := range c.Spec.Components {
		b.resources = append(b.resources, resource{
			at: spec.to("components", i), name: r.Name,
			kind: r.TemplateRef.Kind, template: r.TemplateRef.Name, params: r.Params,
			inputs: lists("component", references(r.Sources), references(r.Images), references(r.Configs)),
		})
	}
	b.check(f)
	return f.problems
}

// Delivery says what is wrong with a delivery.
func Delivery(d *v1alpha1.ClusterDelivery) []Problem {
	f := &finder{prefix: "error validating clusterdelivery [" + d.Name + "]: "}
	b := blueprint{selector: d.Spec.LegacySelector, params: d.Spec.Params, fields: deliverableFields, delivery: true}
	for i, r := range d.Spec.Resources {
		entry := resource{
			at: spec.to("resources", i), name: r.Name,
			kind: r.TemplateRef.Kind, template: r.TemplateRef.Name, options: r.TemplateRef.Options, params: r.Params,
			inputs: []inputs{
				{"sources", template.SourceKind, "resource", r.Sources},
				{"configs", template.ConfigKind, "resource", r.Configs},
			},
		}
		if r.Deployment != nil {
			entry.deployment = &r.Deployment.Resource
		}
		b.resources = append(b.resources, entry)
	}
	b.check(f)
	return f.problems
}

// spelling: resources or, as in v0.0.6, components.
func spelling(f *finder, s v1alpha1.SupplyChainSpec) {
	switch {
	case s.Resources != nil && s.Components != nil:
		f.refuse(spec, "exactly one of spec.resources and spec.components must be specified, found both")
	case s.Resources == nil && s.Components == nil:
		f.refuse(spec, "exactly one of spec.resources and spec.components must be specified, found neither")
	case s.Components != nil:
		f.warn(spec.to("components"), "spec.components is the spelling of Cartographer v0.0.6: write spec.resources, and resource in place of component in its references")
	}
}

func lists(reference string, sources, images, configs []v1alpha1.ResourceReference) []inputs {
	return []inputs{
		{"sources", template.SourceKind, reference, sources},
		{"images", template.ImageKind, reference, images},
		{"configs", template.ConfigKind, reference, configs},
	}
}

func references(components []v1alpha1.ComponentReference) []v1alpha1.ResourceReference {
	var out []v1alpha1.ResourceReference
	for _, c := range components {
		out = append(out, v1alpha1.ResourceReference{Name: c.Name, Resource: c.Component})
	}
	return out
}

func (b *blueprint) check(f *finder) {
	b.checkSelected(f)
	b.checkParams(f)
	b.checkSelector(f)
	b.checkNames(f)
	for _, r := range b.resources {
		r.checkOptionNames(f)
	}
	for _, r := range b.resources {
		r.checkTemplate(f, b.fields)
	}
	if b.delivery {
		b.checkDeployments(f)
	}
	b.checkReferences(f)
	b.checkCycles(f)
}

// checkSelected: a blueprint for nobody is a mistake.
func (b *blueprint) checkSelected(f *finder) {
	if s := b.selector; len(s.Selector)+len(s.SelectorMatchExpressions)+len(s.SelectorMatchFields) == 0 {
		f.refuse(spec, "at least one selector, selectorMatchExpression, selectorMatchField must be specified")
	}
}

// checkParams: a param is forced, or can be overridden.
func (b *blueprint) checkParams(f *finder) {
	const message = "param [%s] is invalid: must set exactly one of value and default"
	for i, p := range b.params {
		if (p.Value == nil) == (p.DefaultValue == nil) {
			f.refuse(spec.to("params", i), message, p.Name)
		}
	}
	for _, r := range b.resources {
		for i, p := range r.params {
			if (p.Value == nil) == (p.DefaultValue == nil) {
				f.refuse(r.at.to("params", i), "resource [%s] is invalid: "+message, r.name, p.Name)
			}
		}
	}
}

// checkNames: the status would speak of two things by one name.
func (b *blueprint) checkNames(f *finder) {
	seen := map[string]bool{}
	for i, r := range b.resources {
		switch {
		case !seen[r.name]:
			seen[r.name] = true
		case b.delivery:
			f.refuse(r.at.to("name"), "spec.resources[%d].name %q cannot appear twice", i, r.name)
		default:
			f.refuse(r.at.to("name"), "duplicate resource name [%s] found", r.name)
		}
	}
}
