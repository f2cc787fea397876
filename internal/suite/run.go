// SPDX-License-Identifier: Apache-2.0

package suite

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"rhumb.run/rhumb/internal/core/health"
	"rhumb.run/rhumb/internal/core/output"
	"rhumb.run/rhumb/internal/core/realize"
	"rhumb.run/rhumb/internal/core/render"
	"rhumb.run/rhumb/internal/core/template"
	"rhumb.run/rhumb/internal/memory"
	"rhumb.run/rhumb/internal/paper"
	"rhumb.run/rhumb/internal/preview"
)

// made is what a case's templates came to.
type made struct {
	objects []*unstructured.Unstructured
	// last is the step under test; nil of a whole chain and of a run.
	last *realize.Realized
	// outputs are those of a run.
	outputs map[string]any
}

// Run tells what differs from what the case expects; the error is empty where
// nothing does.
func (c *Case) Run(ctx context.Context, engine render.Engine) error {
	if c.err != nil {
		return c.err
	}
	r := &runner{Case: c, engine: engine, secrets: &paper.Secrets{}}
	err := r.check(ctx)
	if err == nil {
		return nil
	}
	if masked := r.secrets.Mask(err.Error()); masked != err.Error() {
		return errors.New(masked)
	}
	return err
}

func (r *runner) check(ctx context.Context) error {
	got, err := r.make(ctx)
	if err != nil {
		return err
	}
	c := r.Case
	if c.Expected == "" && c.outputs == nil && c.health == "" {
		return errors.New("nothing is expected: add expected.yaml, or set expected, expectedOutputs or expectedHealth in info.yaml")
	}
	if c.Expected != "" {
		if err := r.compareAll(got.objects); err != nil {
			return err
		}
	}
	if c.outputs != nil && got.last == nil && got.outputs != nil {
		if want := numbers(c.outputs); !reflect.DeepEqual(want, numbers(got.outputs)) {
			return errors.New("the outputs are not what is expected:\n" + paper.Diff(c.outputs, got.outputs))
		}
		return nil
	}
	return c.checkYield(got.last)
}

func (r *runner) compareAll(got []*unstructured.Unstructured) error {
	docs, err := (&paper.Reader{}).Read(r.Expected)
	if err != nil {
		return err
	}
	var want []*unstructured.Unstructured
	for _, d := range docs {
		if d.Object == nil {
			return fmt.Errorf("%s: what is expected is an object, with apiVersion and kind", d.Place(""))
		}
		want = append(want, d.Object)
	}
	for _, u := range slices.Concat(want, got) {
		r.secrets.Of(u)
	}
	var out []string
	for i := range max(len(want), len(got)) {
		switch {
		case i >= len(got):
			out = append(out, fmt.Sprintf("%s is expected, but nothing more is stamped", paper.Name(want[i])))
		case i >= len(want):
			out = append(out, fmt.Sprintf("%s is stamped, but not expected", paper.Name(got[i])))
		default:
			d, err := r.differ(want[i], got[i])
			if err != nil {
				return err
			}
			if d != "" {
				out = append(out, "what is stamped is not what is expected:\n"+d)
			}
		}
	}
	if len(out) > 0 {
		return errors.New(strings.Join(out, "\n"))
	}
	return nil
}

// checkYield compares outputs and health with what is expected of them.
func (c *Case) checkYield(r *realize.Realized) error {
	if c.outputs == nil && c.health == "" {
		return nil
	}
	if r == nil {
		return errors.New("expectedOutputs and expectedHealth are about one resource: set given.supplyChain.targetResourceName")
	}
	if c.outputs != nil {
		want, _ := numbers(c.outputs).(map[string]any)
		got, _ := numbers(map[string]any(r.Output)).(map[string]any)
		if r.Output == nil && r.Err != nil && len(want) > 0 {
			return fmt.Errorf("no output can be read: %w", r.Err)
		}
		if len(want)+len(got) > 0 && !reflect.DeepEqual(want, got) {
			return errors.New("the outputs are not what is expected:\n" + paper.Diff(want, got))
		}
	}
	if c.health == "" {
		return nil
	}
	h := health.Of(r.Template.HealthRule, health.Seen{Live: r.Live.Object, Yields: r.Template.Yields(), Output: r.Output != nil})
	if string(h.Status) != c.health {
		return fmt.Errorf("health is %s (%s: %s), expected %s", h.Status, h.Reason, h.Message, c.health)
	}
	return nil
}

// runner makes the objects of a case.
type runner struct {
	*Case
	engine render.Engine
	set    *paper.Set
	// secrets are the values that no message shows.
	secrets *paper.Secrets
}

func (r *runner) make(ctx context.Context) (*made, error) {
	if err := r.load(ctx); err != nil {
		return nil, err
	}
	switch {
	case len(r.set.RunTemplates) > 0:
		return r.run(ctx)
	case len(r.set.Owners) != 1:
		return nil, fmt.Errorf("a test is about one owner: add workload.yaml or deliverable.yaml, or set given.workload or given.deliverable")
	case r.chain != nil:
		return r.real(ctx)
	}
	return r.mocked(ctx)
}

// world holds the templates, and what controllers observed.
func (r *runner) world() (*memory.World, error) {
	w := memory.New()
	w.Engine = r.engine
	for _, t := range r.set.Templates {
		w.AddTemplate(t)
	}
	namespace := ""
	if len(r.set.Owners) == 1 {
		namespace = r.set.Owners[0].GetNamespace()
	}
	objects, err := r.objects(namespace)
	if err != nil {
		return nil, err
	}
	for _, o := range objects {
		status, _ := o.Object["status"].(map[string]any)
		w.Report(o, status)
	}
	return w, nil
}

// objects are what controllers observed; one that names no namespace is in the
// owner's.
func (r *runner) objects(namespace string) ([]*unstructured.Unstructured, error) {
	if r.observed == "" {
		return nil, nil
	}
	docs, err := (&paper.Reader{}).Read(r.observed)
	if err != nil {
		return nil, err
	}
	var out []*unstructured.Unstructured
	for _, d := range docs {
		if d.Object == nil {
			return nil, fmt.Errorf("%s: what was observed is an object, with apiVersion, kind, metadata.name and status", d.Place(""))
		}
		r.secrets.Of(d.Object)
		if d.Object.GetNamespace() == "" {
			d.Object.SetNamespace(namespace)
		}
		out = append(out, d.Object)
	}
	return out, nil
}

// real walks the chain that the owner follows: its one resource under test, fed
// with what the others are said to yield, or all of it.
func (r *runner) real(ctx context.Context) (*made, error) {
	q := preview.Question{Set: r.set, Owner: r.set.Owners[0], Engine: r.engine, Given: map[string]output.Output{}}
	for name, values := range r.chain.Previous {
		q.Given[name] = outputOf(values)
	}
	p, err := q.Plan()
	if err != nil {
		return nil, err
	}
	w, err := r.world()
	if err != nil {
		return nil, err
	}
	if r.chain.Target == "" {
		return whole(realize.Walk(ctx, w, *p))
	}
	target := -1
	var names []string
	for i := range p.Steps {
		names = append(names, p.Steps[i].Name)
		if p.Steps[i].Name == r.chain.Target {
			target = i
		}
	}
	if target < 0 {
		return nil, fmt.Errorf("%s %q has no resource %q%s; it has %s", p.Owner.BlueprintNoun, p.Blueprint.Name, r.chain.Target,
			paper.Suggest(r.chain.Target, names), strings.Join(names, ", "))
	}
	p.Steps = p.Steps[target : target+1]
	if err := r.isSelected(&p.Steps[0].Chosen, p.Steps[0].Err, p.Blueprint.Name); err != nil {
		return nil, err
	}
	return one(realize.Walk(ctx, w, *p))
}

// isSelected checks that the template under test is the one that the resource takes.
func (r *runner) isSelected(chosen *template.Ref, err error, blueprint string) error {
	if err != nil || len(r.set.Templates) == 0 {
		return err
	}
	for _, t := range r.set.Templates {
		if compiled := template.Compile(t, r.engine); compiled.Name == chosen.Name && compiled.Kind == chosen.Kind {
			return nil
		}
	}
	return fmt.Errorf("template '%s' is not selected by resource/stage '%s' in supply chain '%s'", r.set.Templates[0].GetName(), r.chain.Target, blueprint)
}

func one(did []realize.Realized) (*made, error) {
	r := &did[0]
	if r.Live.Object == nil {
		if r.Err == nil {
			return &made{last: r}, nil // it passes an input through
		}
		return nil, r.Err
	}
	return &made{objects: []*unstructured.Unstructured{preview.Plain(r.Live.Object)}, last: r}, nil
}

func whole(did []realize.Realized) (*made, error) {
	out := &made{}
	for i := range did {
		if did[i].Live.Object == nil {
			if did[i].Err != nil {
				return nil, fmt.Errorf("%w; what its inputs yield is said in given.supplyChain.previousOutputs", did[i].Err)
			}
			continue
		}
		out.objects = append(out.objects, preview.Plain(did[i].Live.Object))
	}
	return out, nil
}

// outputOf reads {source: {url, revision}, image: …, config: …}; a controller's
// answer has both, url and revision, and so has ours.
func outputOf(values map[string]any) output.Output {
	out := output.Output{}
	for name, value := range values {
		source, ok := value.(map[string]any)
		if name == "source" && ok {
			out[output.URL], out[output.Revision] = source["url"], source["revision"]
			continue
		}
		out[name] = value
	}
	return out
}
