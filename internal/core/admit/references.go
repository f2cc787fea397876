// SPDX-License-Identifier: Apache-2.0

package admit

import (
	"slices"
	"strings"

	"rhumb.run/rhumb/internal/core/template"
)

const (
	unknown   = "invalid %s for resource [%s]: [%s] is provided by unknown resource [%s]"
	wrongKind = "invalid %s for resource [%s]: resource [%s] providing [%s] must reference a %s"
)

// checkReferences: what a resource reads is yielded by a resource of the right kind.
//
// Of deliveries Cartographer let all references through. One that leads nowhere
// is refused; one that leads to the wrong kind yields nothing, which a template
// that does not read it never notices, and is told.
func (b *blueprint) checkReferences(f *finder) {
	for _, r := range b.resources {
		for _, in := range r.inputs {
			for i, ref := range in.refs {
				b.checkReference(f, r, r.at.to(in.list, i, in.reference), in.list, ref.Name, ref.Resource, in.kind)
			}
		}
		if r.deployment != nil {
			b.checkReference(f, r, r.at.to("deployment", "resource"), "deployment", "deployment", *r.deployment, template.SourceKind)
		}
	}
}

func (b *blueprint) checkReference(f *finder, r resource, at Path, list, input, from, wanted string) {
	kind, known := b.kindOf(from)
	switch {
	case !known:
		f.refuse(at, unknown, list, r.name, input, from)
	case b.delivery && !yields(kind, wanted):
		f.warn(at, wrongKind, list, r.name, from, input, wanted)
	case !b.delivery && kind != wanted:
		f.refuse(at, wrongKind, list, r.name, from, input, wanted)
	}
}

const deploymentKind = "ClusterDeploymentTemplate"

// yields: a deployment passes its source on.
func yields(kind, want string) bool {
	return kind == want || kind == deploymentKind && want == template.SourceKind
}

func (b *blueprint) kindOf(name string) (kind string, known bool) {
	for _, r := range b.resources {
		if r.name == name {
			return r.kind, true
		}
	}
	return "", false
}

// checkDeployments: a deployment template, and no other, takes a deployment, and nothing but that.
func (b *blueprint) checkDeployments(f *finder) {
	for _, r := range b.resources {
		is := r.kind == deploymentKind
		switch {
		case is && r.deployment == nil:
			f.refuse(r.at, "spec.resources[%s] is a ClusterDeploymentTemplate and must receive a deployment", r.name)
		case !is && r.deployment != nil:
			f.refuse(r.at.to("deployment"), "spec.resources[%s] receives a deployment but is not a ClusterDeploymentTemplate", r.name)
		}
		for _, in := range r.inputs {
			if is && in.list == "configs" && len(in.refs) > 0 {
				f.refuse(r.at.to("configs"), "spec.resources[%s] is a ClusterDeploymentTemplate and must not receive config", r.name)
			}
		}
	}
}

// checkCycles: steps that wait for each other never start. Resources that read
// nothing of what is left are taken away until none is left, or a circle; then
// those that nobody in the circle waits for, who are not to blame.
func (b *blueprint) checkCycles(f *finder) {
	left := map[string]bool{}
	for _, r := range b.resources {
		left[r.name] = true
	}
	b.shrink(left, func(r resource) bool { return slices.ContainsFunc(r.reads(), func(n string) bool { return left[n] }) })
	b.shrink(left, func(r resource) bool {
		return slices.ContainsFunc(b.resources, func(other resource) bool {
			return left[other.name] && slices.Contains(other.reads(), r.name)
		})
	})
	var circle []string
	var at Path
	for _, r := range b.resources {
		if left[r.name] && !slices.Contains(circle, r.name) {
			if at == nil {
				at = r.at
			}
			circle = append(circle, r.name)
		}
	}
	if circle != nil {
		f.refuse(at, "resources [%s] wait for each other", strings.Join(circle, ", "))
	}
}

// shrink takes names away until every resource that is left is to stay.
func (b *blueprint) shrink(left map[string]bool, stays func(resource) bool) {
	for again := true; again; {
		again = false
		for _, r := range b.resources {
			if left[r.name] && !stays(r) {
				delete(left, r.name)
				again = true
			}
		}
	}
}

// reads are the resources whose outputs this one waits for.
func (r *resource) reads() []string {
	var out []string
	for _, in := range r.inputs {
		for _, ref := range in.refs {
			out = append(out, ref.Resource)
		}
	}
	if r.deployment != nil {
		out = append(out, *r.deployment)
	}
	return out
}
