// SPDX-License-Identifier: Apache-2.0

package realize

import (
	"context"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/output"
	"rhumb.run/rhumb/internal/core/plan"
	"rhumb.run/rhumb/internal/core/template"
	"rhumb.run/rhumb/internal/fault"
)

// An object that is given a newer input goes on showing what it made of the one before, for as long as it is at work, or for
// ever if it fails: kpack's latestImage does. That is handed on, so that what runs goes on running; but it must not pass for
// what the newer input became.

// lineage says of which outputs of other steps something was made: their digests by step, "" if nobody can tell.
type lineage map[string]string

// descent knows of which outputs the outputs of a walk were made.
type descent struct {
	p       *plan.Plan
	outputs map[string]output.Output
	// behind are the steps whose outputs are of earlier inputs than their objects have now.
	behind map[string]lineage
	// digests are those of this walk's outputs, is and was of what they and those of the last status were made: each found
	// out when first asked for, since there may be very many ways from one step to another.
	digests map[string]string
	is, was map[string]lineage
}

func remember[T any](in *map[string]T, name string, value T) T {
	if *in == nil {
		*in = map[string]T{}
	}
	(*in)[name] = value
	return value
}

// now is of what the outputs of a step are made if they are of its newest inputs.
func (d *descent) now(s *plan.Step) lineage {
	out := lineage{}
	for _, name := range d.producers(s) {
		maps.Copy(out, d.of(name, s))
		out[name] = d.digest(name)
	}
	return out
}

// of is of what the outputs of a step were made, which a later one reads. Resources on a cycle have no earlier one.
func (d *descent) of(name string, reader *plan.Step) lineage {
	if l, ok := d.behind[name]; ok {
		return l
	}
	if l, ok := d.is[name]; ok {
		return l
	}
	for i := range d.p.Steps {
		s := &d.p.Steps[i]
		if s.Name == reader.Name {
			break
		}
		if s.Name == name {
			return remember(&d.is, name, d.now(s))
		}
	}
	return nil
}

// producers are the steps whose outputs a step makes its own of: all that it reads, or what it passes through.
func (d *descent) producers(s *plan.Step) []string {
	refs := s.Inputs()
	if s.PassThrough != "" {
		refs = map[string][]v1alpha1.ResourceReference{
			template.SourceKind: s.Sources, template.ImageKind: s.Images, template.ConfigKind: s.Configs,
		}[s.Chosen.Kind]
	}
	var out []string
	for _, ref := range refs {
		if s.PassThrough == "" || ref.Name == s.PassThrough {
			out = append(out, ref.Resource)
		}
	}
	return out
}

func (d *descent) digest(name string) string {
	if known, ok := d.digests[name]; ok {
		return known
	}
	return remember(&d.digests, name, d.outputs[name].Digest())
}

// last is what the last status says of a step.
func (d *descent) last(name string) *v1alpha1.ResourceStatus {
	resources := d.p.Owner.Status.Resources
	i := slices.IndexFunc(resources, func(r v1alpha1.ResourceStatus) bool { return r.Name == name })
	if i < 0 {
		return nil
	}
	return &resources[i]
}

// before is of what the outputs of a step were made by the last status. A status is a picture of one moment: where it does
// not say otherwise, they were made of what it shows of the others. Somebody wrote it: what goes in circles ends.
func (d *descent) before(r *v1alpha1.ResourceStatus) lineage {
	if known, ok := d.was[r.Name]; ok {
		return known
	}
	out := remember(&d.was, r.Name, lineage{})
	if r.Record != nil && r.Record.MadeOf != nil {
		for _, o := range r.Record.MadeOf.Inputs {
			out[o.Name] = o.Digest
		}
		return out
	}
	var producers []*v1alpha1.ResourceStatus
	for _, in := range r.Inputs {
		producer := d.last(in.Name)
		if producer == nil || producer == r || r.StampedRef == nil && shown(producer) != shown(r) {
			continue // an input that was not the one passed through
		}
		out[in.Name] = shown(producer)
		producers = append(producers, producer)
	}
	for _, producer := range producers { // what an input says of its own origin is older than what is shown of that
		maps.Copy(out, d.before(producer))
	}
	return out
}

// shown is the digest of the output that a status shows of a step.
func shown(r *v1alpha1.ResourceStatus) string {
	for _, name := range output.Telling {
		for _, o := range r.Outputs {
			if o.Name == name {
				return o.Digest
			}
		}
	}
	return ""
}

// trace puts on record if the outputs of a step are of earlier inputs than its object has now.
func (d *descent) trace(r *Realized) {
	if len(r.Sources)+len(r.Images)+len(r.Configs) == 0 || !r.Template.Yields() || r.Template.Deployed != nil || r.Live.Object == nil || r.upToDate() {
		return
	}
	last := d.last(r.Name)
	if last == nil || last.Record == nil || last.StampedRef == nil || last.StampedRef.ObjectReference == nil ||
		last.StampedRef.Kind != r.Live.Object.GetKind() {
		return // all that it shows, it made of what it was given first
	}
	made, now, of := shown(last), d.now(&r.Step), maps.Clone(d.before(last))
	if last.Record.MadeOf != nil {
		made = last.Record.MadeOf.Output
	}
	if r.Output != nil && r.Output.Digest() != made {
		// It was done with something since, though not with the newest.
		made = r.Output.Digest()
		for name, digest := range of {
			if now[name] != digest {
				of[name] = ""
			}
		}
	}
	if !maps.Equal(of, now) {
		d.note(r, made, of)
	}
}

// note puts on record of what the outputs of a step were made.
func (d *descent) note(r *Realized, made string, of lineage) {
	remember(&d.behind, r.Name, of)
	r.Record.MadeOf = &v1alpha1.MadeOf{Output: made}
	for _, name := range slices.Sorted(maps.Keys(of)) {
		r.Record.MadeOf.Inputs = append(r.Record.MadeOf.Inputs, v1alpha1.Origin{Name: name, Digest: of[name]})
	}
}

// upToDate is true if what the object shows was made of what it was given last.
func (r *Realized) upToDate() bool {
	if r.Runs != nil {
		return r.source != nil && r.source.GetUID() == r.Live.Object.GetUID()
	}
	return output.Done(r.Live.Object)
}

// apart is a step that would be given what does not belong together: two inputs that were made of different outputs of one
// step. It says which input is behind, and of which step.
func (d *descent) apart(s *plan.Step) (input, of string, yes bool) {
	if len(d.behind) == 0 {
		return "", "", false
	}
	seen := lineage{}
	for _, name := range d.producers(s) {
		if d.outputs[name] == nil && d.behind[name] == nil {
			continue
		}
		l := d.with(name, s)
		for _, origin := range slices.Sorted(maps.Keys(l)) {
			if was, ok := seen[origin]; ok && (was != l[origin] || was == "") {
				return d.late(s, origin), origin, true
			}
			seen[origin] = l[origin]
		}
	}
	return "", "", false
}

// with is of what a step's outputs were made, and they themselves. One that is behind may show none for a moment.
func (d *descent) with(name string, reader *plan.Step) lineage {
	out := lineage{}
	maps.Copy(out, d.of(name, reader))
	if d.outputs[name] != nil {
		out[name] = d.digest(name)
	}
	return out
}

// late names the input that is not of what a step yields now.
func (d *descent) late(s *plan.Step, of string) string {
	for _, name := range d.producers(s) {
		if digest, ok := d.of(name, s)[of]; ok && digest != d.digest(of) {
			return name
		}
	}
	return of
}

// hold leaves a step's object as it is, and hands on what it yields: it is of inputs that belonged together. What was not
// made yet waits.
func (r *Realized) hold(ctx context.Context, w World, d *descent, input, of string) error {
	last := d.last(r.Name)
	if last != nil && last.Record != nil && last.StampedRef != nil && last.StampedRef.ObjectReference != nil {
		live, err := d.find(ctx, w, last.StampedRef, last.StampedRef.Name)
		if err != nil {
			return err
		}
		r.Live, r.Record, r.source = live, *last.Record, live.Object
		if from := last.Record.ReadFrom; from != "" {
			live, err := d.find(ctx, w, last.StampedRef, from)
			if err != nil {
				return err
			}
			r.source = live.Object
		}
	}
	if r.source != nil && r.Template.Yields() {
		// What it does not show yet, it is waited for all the same.
		r.Output, _ = output.Read(r.Template.Outputs, r.source)
		d.note(r, shown(last), d.before(last))
	}
	return fault.Waitf(v1alpha1.InputsApartReason, "waiting for resource [%s] to be done with the newest output of resource [%s]: until then, resource [%s] stays as it is",
		input, of, r.Name)
}

// find is an object that a status names, if it is still the owner's.
func (d *descent) find(ctx context.Context, w World, ref *v1alpha1.StampedRef, name string) (Live, error) {
	u := &unstructured.Unstructured{}
	u.SetAPIVersion(ref.APIVersion)
	u.SetKind(ref.Kind)
	u.SetNamespace(ref.Namespace)
	u.SetName(name)
	live, err := w.Observe(ctx, u)
	if err != nil || live.Object != nil && !ours(d.p, live.Object) {
		return Live{}, err
	}
	return live, nil
}
