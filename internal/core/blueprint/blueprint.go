// SPDX-License-Identifier: Apache-2.0

// Package blueprint is the path that a platform team drew, in one shape for
// every kind and spelling, and the choice of the one that an owner takes.
//
//	ClusterSupplyChain (resources, or the components of v0.0.6) ─┬─Of─▶ Blueprint
//	ClusterDelivery ─────────────────────────────────────────────┘
//	owner + blueprints ─Choose─▶ the most specific one, or the reason why there is none
package blueprint

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/selector"
	"rhumb.run/rhumb/internal/core/template"
)

// Blueprint is a compiled supply chain.
type Blueprint struct {
	Kind           string
	Name           string
	UID            types.UID
	Generation     int64
	Params         []v1alpha1.BlueprintParam
	ServiceAccount v1alpha1.ServiceAccountRef
	Resources      []Resource
	// Ready is the blueprint's own Ready condition; nil until one speaks of the blueprint as it is now.
	Ready *metav1.Condition

	selector *selector.Selector
}

// Resource is an entry of a blueprint, in the order in which it was written.
type Resource struct {
	Name       string
	Template   template.Ref
	Options    []Option
	Params     []v1alpha1.BlueprintParam
	Sources    []v1alpha1.ResourceReference
	Images     []v1alpha1.ResourceReference
	Configs    []v1alpha1.ResourceReference
	Deployment string
}

// Option is a template that a resource takes for some owners, or the input
// that it passes on in place of one.
type Option struct {
	Template    string
	PassThrough string

	selector *selector.Selector
}

// The kinds of blueprint.
const (
	SupplyChainKind = "ClusterSupplyChain"
	DeliveryKind    = "ClusterDelivery"
)

// Object is a blueprint as the API server stores it.
type Object interface {
	metav1.Object
	runtime.Object
}

// New makes an empty API object of each kind of blueprint.
var New = map[string]func() Object{
	SupplyChainKind: func() Object { return &v1alpha1.ClusterSupplyChain{} },
	DeliveryKind:    func() Object { return &v1alpha1.ClusterDelivery{} },
}

// Of compiles a blueprint. A selector that cannot be read is reported to the
// owners whose labels it concerns.
func Of(object Object) *Blueprint {
	switch o := object.(type) {
	case *v1alpha1.ClusterSupplyChain:
		return OfSupplyChain(o)
	case *v1alpha1.ClusterDelivery:
		return OfDelivery(o)
	}
	panic(fmt.Sprintf("no such kind of blueprint: %T", object))
}

// Status is where a blueprint's status stands in its object.
func Status(object Object) *v1alpha1.BlueprintStatus {
	switch o := object.(type) {
	case *v1alpha1.ClusterSupplyChain:
		return &o.Status.BlueprintStatus
	case *v1alpha1.ClusterDelivery:
		return &o.Status.BlueprintStatus
	}
	panic(fmt.Sprintf("no such kind of blueprint: %T", object))
}

// OfSupplyChain compiles a supply chain.
func OfSupplyChain(c *v1alpha1.ClusterSupplyChain) *Blueprint {
	b := &Blueprint{
		Kind:           SupplyChainKind,
		Name:           c.Name,
		UID:            c.UID,
		Generation:     c.Generation,
		Params:         c.Spec.Params,
		ServiceAccount: c.Spec.ServiceAccountRef,
		Ready:          ready(c.Generation, c.Status.BlueprintStatus),
		selector:       selector.Compile(c.Spec.Selector, c.Spec.SelectorMatchExpressions, c.Spec.SelectorMatchFields),
	}
	for _, r := range c.Spec.Resources {
		b.Resources = append(b.Resources, ofResource(r))
	}
	for _, r := range c.Spec.Components {
		b.Resources = append(b.Resources, ofComponent(r))
	}
	return b
}

// OfDelivery compiles a delivery.
func OfDelivery(d *v1alpha1.ClusterDelivery) *Blueprint {
	b := &Blueprint{
		Kind:           DeliveryKind,
		Name:           d.Name,
		UID:            d.UID,
		Generation:     d.Generation,
		Params:         d.Spec.Params,
		ServiceAccount: d.Spec.ServiceAccountRef,
		Ready:          ready(d.Generation, d.Status.BlueprintStatus),
		selector:       selector.Compile(d.Spec.Selector, d.Spec.SelectorMatchExpressions, d.Spec.SelectorMatchFields),
	}
	for _, r := range d.Spec.Resources {
		b.Resources = append(b.Resources, ofDeliveryResource(r))
	}
	return b
}

func ofResource(r v1alpha1.SupplyChainResource) Resource {
	return Resource{
		Name:     r.Name,
		Template: template.Ref{Kind: r.TemplateRef.Kind, Name: r.TemplateRef.Name},
		Options:  ofOptions(r.TemplateRef.Options),
		Params:   r.Params,
		Sources:  r.Sources,
		Images:   r.Images,
		Configs:  r.Configs,
	}
}

func ofDeliveryResource(r v1alpha1.DeliveryResource) Resource {
	out := Resource{
		Name:     r.Name,
		Template: template.Ref{Kind: r.TemplateRef.Kind, Name: r.TemplateRef.Name},
		Options:  ofOptions(r.TemplateRef.Options),
		Params:   r.Params,
		Sources:  r.Sources,
		Configs:  r.Configs,
	}
	if r.Deployment != nil {
		out.Deployment = r.Deployment.Resource
	}
	return out
}

func ofOptions(options []v1alpha1.TemplateOption) []Option {
	var out []Option
	for _, o := range options {
		out = append(out, Option{
			Template:    o.Name,
			PassThrough: o.PassThrough,
			selector:    selector.Compile(o.Selector.MatchLabels, o.Selector.MatchExpressions, o.Selector.MatchFields),
		})
	}
	return out
}

// ofComponent reads the spelling of v0.0.6, whose references name a component.
func ofComponent(c v1alpha1.SupplyChainComponent) Resource {
	return Resource{
		Name:     c.Name,
		Template: template.Ref{Kind: c.TemplateRef.Kind, Name: c.TemplateRef.Name},
		Params:   c.Params,
		Sources:  ofReferences(c.Sources),
		Images:   ofReferences(c.Images),
		Configs:  ofReferences(c.Configs),
	}
}

func ofReferences(refs []v1alpha1.ComponentReference) []v1alpha1.ResourceReference {
	var out []v1alpha1.ResourceReference
	for _, r := range refs {
		out = append(out, v1alpha1.ResourceReference{Name: r.Name, Resource: r.Component})
	}
	return out
}

// ready is nil while the status speaks of an older blueprint: one that was
// just edited must not be followed, let alone pruned by, before it is checked.
func ready(generation int64, status v1alpha1.BlueprintStatus) *metav1.Condition {
	if status.ObservedGeneration != generation {
		return nil
	}
	for i := range status.Conditions {
		if status.Conditions[i].Type == v1alpha1.Ready {
			return &status.Conditions[i]
		}
	}
	return nil
}

func (b *Blueprint) noun() string {
	if b.Kind == DeliveryKind {
		return "delivery"
	}
	return "supply chain"
}

// Matches is true if an owner with these labels, of this content, is meant.
func (b *Blueprint) Matches(labels map[string]string, object any) (bool, error) {
	return b.selector.Matches(labels, object)
}

// Templates are the templates that resources name, options included, resource by resource.
func (r *Resource) Templates() []template.Ref {
	if len(r.Options) == 0 {
		return []template.Ref{r.Template}
	}
	var out []template.Ref
	for _, o := range r.Options {
		if o.Template != "" {
			out = append(out, template.Ref{Kind: r.Template.Kind, Name: o.Template})
		}
	}
	return out
}

// Producers are the resources whose outputs this one reads.
func (r *Resource) Producers() []string {
	var out []string
	for _, refs := range [][]v1alpha1.ResourceReference{r.Sources, r.Images, r.Configs} {
		for _, ref := range refs {
			out = append(out, ref.Resource)
		}
	}
	if r.Deployment != "" {
		out = append(out, r.Deployment)
	}
	return out
}
