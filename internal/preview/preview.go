// SPDX-License-Identifier: Apache-2.0

package preview

import (
	"context"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/blueprint"
	"rhumb.run/rhumb/internal/core/output"
	"rhumb.run/rhumb/internal/core/owner"
	"rhumb.run/rhumb/internal/core/plan"
	"rhumb.run/rhumb/internal/core/realize"
	"rhumb.run/rhumb/internal/core/render"
	"rhumb.run/rhumb/internal/memory"
	"rhumb.run/rhumb/internal/paper"
)

// Question is what somebody wants to know.
type Question struct {
	Set   *paper.Set
	Owner owner.Object
	// Given are outputs by the name of the resource that would yield them.
	Given map[string]output.Output
	// Engine evaluates ytt templates; nil if there is none.
	Engine render.Engine
}

// Answer is what would be stamped.
type Answer struct {
	Owner     owner.Owner
	Blueprint *blueprint.Blueprint
	// Steps are in the order in which they are taken.
	Steps []Step
}

// Step is what becomes of one resource of the blueprint.
type Step struct {
	realize.Realized
	// Object is what would be applied; nil if it could not be made.
	Object *unstructured.Unstructured
	// Waits are the outputs that it reads and nobody gave: step.image.
	Waits []string
	// Wrong says why it can never be made; waiting is not wrong.
	Wrong error
}

// Of walks the chain that the owner would follow. The error says why it would
// follow none.
func Of(ctx context.Context, q Question) (*Answer, error) {
	p, err := q.Plan()
	if err == nil {
		err = q.check(p)
	}
	if err != nil {
		return nil, err
	}
	w := memory.New()
	w.Engine = q.Engine
	for _, t := range q.Set.Templates {
		w.AddTemplate(t)
	}
	a := &Answer{Owner: *p.Owner, Blueprint: p.Blueprint}
	for _, r := range realize.Walk(ctx, w, *p) {
		a.Steps = append(a.Steps, stepOf(r, a.Steps))
	}
	return a, nil
}

// Plan is the owner's way along the blueprint that it would follow.
func (q *Question) Plan() (*plan.Plan, error) {
	o := owner.Of(q.Owner)
	b, err := blueprint.Choose(&o, Blueprints(q.Set, o.BlueprintKind))
	if err != nil {
		return nil, err
	}
	p := plan.Resolve(b, &o)
	p.Given = q.Given
	return &p, nil
}

// Blueprints are those of a kind, each taken to be complete: one that lacks a
// template shows it at the step.
func Blueprints(s *paper.Set, kind string) []*blueprint.Blueprint {
	var out []*blueprint.Blueprint
	for _, object := range s.Blueprints {
		copied := object.DeepCopyObject().(blueprint.Object)
		*blueprint.Status(copied) = v1alpha1.BlueprintStatus{
			ObservedGeneration: copied.GetGeneration(),
			Conditions:         []metav1.Condition{{Type: v1alpha1.Ready, Status: metav1.ConditionTrue, Reason: v1alpha1.Ready}},
		}
		if b := blueprint.Of(copied); b.Kind == kind {
			out = append(out, b)
		}
	}
	return out
}

// check refuses an output of a step that is not there: it would be ignored.
func (q *Question) check(p *plan.Plan) error {
	var names []string
	for _, s := range p.Steps {
		names = append(names, s.Name)
	}
	for name := range q.Given {
		if !slices.Contains(names, name) {
			return fmt.Errorf("an output is given for %q, but %s %q has no such resource%s; it has %s",
				name, p.Blueprint.Kind, p.Blueprint.Name, paper.Suggest(name, names), strings.Join(names, ", "))
		}
	}
	return nil
}

func stepOf(r realize.Realized, before []Step) Step {
	s := Step{Realized: r, Object: Plain(r.Live.Object)}
	for _, ref := range inputs(&r) {
		i := slices.IndexFunc(before, func(b Step) bool { return b.Name == ref[0] })
		switch {
		case i >= 0 && before[i].Output[ref[1]] != nil:
		case i >= 0 && before[i].Template != nil && before[i].Wrong == nil && !yields(&before[i], ref[1]):
		default:
			s.Waits = append(s.Waits, ref[0]+"."+ref[1])
		}
	}
	if s.Object == nil && r.Err != nil && len(s.Waits) == 0 {
		s.Wrong = r.Err
	}
	return s
}

// inputs are producer and output name of each thing that a step reads.
func inputs(r *realize.Realized) [][2]string {
	var out [][2]string
	add := func(refs []v1alpha1.ResourceReference, name string) {
		for _, ref := range refs {
			out = append(out, [2]string{ref.Resource, name})
		}
	}
	add(r.Sources, output.URL)
	add(r.Images, output.Image)
	if r.Deployment != "" {
		out = append(out, [2]string{r.Deployment, output.URL})
	}
	add(r.Configs, output.Config)
	return out
}

// yields tells whether a step could ever yield an output of this name.
func yields(s *Step, name string) bool {
	if s.PassThrough != "" || s.Template.Deployed != nil {
		return true
	}
	return slices.ContainsFunc(s.Template.Outputs, func(f output.Field) bool { return f.Name == name })
}

// Plain is an object as it would be applied, without what only a cluster knows.
func Plain(u *unstructured.Unstructured) *unstructured.Unstructured {
	if u == nil {
		return nil
	}
	u = u.DeepCopy()
	u.SetUID("")
	u.SetGeneration(0)
	u.SetCreationTimestamp(metav1.Time{})
	u.SetResourceVersion("")
	annotations := u.GetAnnotations()
	delete(annotations, realize.DigestAnnotation)
	if len(annotations) == 0 {
		annotations = nil
	}
	u.SetAnnotations(annotations)
	unstructured.RemoveNestedField(u.Object, "metadata", "creationTimestamp")
	return u
}
