// SPDX-License-Identifier: Apache-2.0

package realize

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/digest"
	"rhumb.run/rhumb/internal/core/lifecycle"
	"rhumb.run/rhumb/internal/core/output"
	"rhumb.run/rhumb/internal/core/param"
	"rhumb.run/rhumb/internal/core/plan"
	"rhumb.run/rhumb/internal/core/render"
	"rhumb.run/rhumb/internal/core/template"
	"rhumb.run/rhumb/internal/fault"
)

// Realized is what became of one step.
type Realized struct {
	plan.Step
	// Template is nil if it could not be had.
	Template *template.Template
	// Desired is the object as the template made it; nil if it could not be made.
	Desired *unstructured.Unstructured
	// Live is the stamped object as it is now; nil Object if nothing was stamped in this walk.
	Live Live
	// Written says what Apply or Create did, if it was called.
	Written Written
	// Runs are all objects that the step stamped and still has, newest first, if its
	// objects are never changed; Retired are those of them that are kept no longer.
	Runs, Retired []*unstructured.Unstructured
	Output        output.Output
	Record        v1alpha1.Record
	Err           error

	// source is the object that yields the outputs; nil while no run of the step is healthy.
	source *unstructured.Unstructured
}

// Written is what a walk did to an object.
type Written int

// The writes that a walk makes.
const (
	Nothing Written = iota
	Created
	Patched
)

// Walk takes each step in turn, feeding it the outputs of those before it. A
// step that fails does not stop the others: what it yields carries the error.
func Walk(ctx context.Context, w World, p plan.Plan) []Realized {
	outputs := make(map[string]output.Output, len(p.Steps)+len(p.Given))
	maps.Copy(outputs, p.Given)
	done := make([]Realized, 0, len(p.Steps))
	from := &descent{p: &p, outputs: outputs}
	for _, s := range p.Steps {
		r := Realized{Step: s}
		r.Err = r.take(ctx, w, from, done)
		if r.Output != nil {
			outputs[s.Name] = r.Output
		}
		done = append(done, r)
	}
	return done
}

func (r *Realized) take(ctx context.Context, w World, from *descent, done []Realized) error {
	if r.Step.Err != nil {
		return r.Step.Err
	}
	p := from.p
	inputs := collect(&r.Step, from.outputs)
	if r.PassThrough != "" {
		return r.passThrough(inputs)
	}
	t, err := w.Template(ctx, r.Chosen)
	if err != nil {
		class, _ := fault.Of(err)
		return fault.As(class, v1alpha1.TemplateObjectRetrievalFailureResourcesSubmittedReason,
			fmt.Errorf("unable to get template [%s] for resource [%s] in %s [%s]: %w", r.Chosen.Name, r.Name, p.Owner.BlueprintNoun, p.Blueprint.Name, err))
	}
	r.Template = t
	if input, of, yes := from.apart(&r.Step); yes && t.Deployed == nil {
		return r.hold(ctx, w, from, input, of)
	}
	desired, err := r.stamp(ctx, p, inputs)
	if err == nil {
		err = apart(done, desired)
	}
	if err != nil {
		// An engine may know that a failure passes; all else that is wrong with a template stays so.
		return fault.As(fault.ClassOr(err, fault.Reject), v1alpha1.TemplateStampFailureResourcesSubmittedReason,
			fmt.Errorf("unable to stamp object for resource [%s] for template [%s/%s] in %s [%s]: %w", r.Name, r.Chosen.Kind, r.Chosen.Name, p.Owner.BlueprintNoun, p.Blueprint.Name, err))
	}
	r.Desired = desired
	if err := r.submit(ctx, w, p, desired); err != nil {
		return r.refused(p, desired, err)
	}
	if given, ok := p.Given[r.Name]; ok {
		r.Output = given
		return nil
	}
	err = r.read(inputs)
	from.trace(r)
	return err
}

// passThrough hands an input on as this step's own output.
func (r *Realized) passThrough(in inputs) error {
	out, found := in.named(r.PassThrough, r.Chosen.Kind)
	if !found {
		return fault.Rejectf(v1alpha1.PassThroughReason, "unable to find passthrough [%s] in %v", r.PassThrough, in.names(r.Chosen.Kind))
	}
	r.Output = out
	return nil
}

func (r *Realized) stamp(ctx context.Context, p *plan.Plan, in inputs) (*unstructured.Unstructured, error) {
	params, err := param.Merge(param.Sources{Template: r.Template.Params, Blueprint: p.Blueprint.Params, Resource: r.Params, Owner: p.Owner.Params})
	if err != nil {
		return nil, err
	}
	r.Record = v1alpha1.Record{
		InputsDigest:       digest.Of(map[string]any{"inputs": in.byName(), "params": params}),
		TemplateUID:        r.Template.UID,
		TemplateGeneration: r.Template.Generation,
	}
	labels := labels(p, r)
	object, err := r.Template.Render(ctx, templateContext(p.Owner, params, in, labels))
	if err != nil {
		return nil, err
	}
	desired, err := render.Stamp(object, render.Marks{Namespace: p.Owner.Namespace, Labels: labels, Owner: p.Owner.Reference()})
	if err != nil {
		return nil, err
	}
	r.Record.AppliedDigest = digest.Of(desired.Object)
	return desired, r.name(desired)
}

// name sees to it that the object has a name before anybody is asked for it.
func (r *Realized) name(desired *unstructured.Unstructured) error {
	switch {
	case desired.GetName() != "":
	case r.Template.Lifecycle == v1alpha1.LifecycleMutable:
		return errors.New("rendered object has no metadata.name")
	case desired.GetGenerateName() == "":
		return errors.New("rendered object has neither metadata.name nor metadata.generateName")
	default:
		desired.SetName(lifecycle.Name(desired.GetGenerateName(), r.Record.AppliedDigest))
		desired.SetGenerateName("")
	}
	return nil
}

func (r *Realized) submit(ctx context.Context, w World, p *plan.Plan, desired *unstructured.Unstructured) error {
	if r.Template.Lifecycle == v1alpha1.LifecycleMutable {
		return r.apply(ctx, w, p, desired)
	}
	return r.run(ctx, w, desired)
}

// apart refuses an object that an earlier step of the same walk stamped: the
// two would undo each other's work for ever.
func apart(done []Realized, desired *unstructured.Unstructured) error {
	for i := range done {
		live := done[i].Live.Object
		if live != nil && live.GroupVersionKind().GroupKind() == desired.GroupVersionKind().GroupKind() && live.GetName() == desired.GetName() {
			return fmt.Errorf("object [%s/%s] is stamped by resource [%s] already", desired.GetNamespace(), desired.GetName(), done[i].Name)
		}
	}
	return nil
}

func (r *Realized) refused(p *plan.Plan, desired *unstructured.Unstructured, err error) error {
	class, reason := fault.Of(err)
	if reason == v1alpha1.FailedToListCreatedObjectsReason {
		return err
	}
	return fault.As(class, v1alpha1.TemplateRejectedByAPIServerResourcesSubmittedReason,
		fmt.Errorf("unable to apply object [%s/%s] for resource [%s] in %s [%s]: %w",
			desired.GetNamespace(), desired.GetName(), r.Name, p.Owner.BlueprintNoun, p.Blueprint.Name, err))
}

// read takes the outputs. What is not there yet is waited for: the object's
// own watch wakes us.
func (r *Realized) read(in inputs) error {
	if r.Template.Deployed != nil {
		return r.readDeployed(in)
	}
	if r.source == nil {
		return r.awaitRun()
	}
	out, err := output.Read(r.Template.Outputs, r.source)
	if err != nil {
		return fault.As(fault.Wait, v1alpha1.MissingValueAtPathResourcesSubmittedReason, err)
	}
	r.Output, r.Record.ObservedGeneration = out, observed(r.source)
	if r.source.GetUID() != r.Live.Object.GetUID() {
		r.Record.ReadFrom = r.source.GetName()
	}
	return nil
}

func observed(live *unstructured.Unstructured) int64 {
	seen, newest, says := output.Observed(live)
	if !says {
		return newest
	}
	return seen
}
