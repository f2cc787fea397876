// SPDX-License-Identifier: Apache-2.0

package runnable

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/lifecycle"
	"rhumb.run/rhumb/internal/core/template"
	"rhumb.run/rhumb/internal/fault"
)

// read takes the outputs: of the run of what is wanted now if it has
// succeeded, else of the newest that has. While none has, what was known stays.
func (f *Facts) read(r *Runnable, t *template.Template, seen []lifecycle.Examined) error {
	of := ofTemplate(r, seen)
	if r.AnyRun {
		return f.readAny(r, t, of)
	}
	source := lifecycle.Newest(of)
	if c, _ := Succeeded(f.Run.Object); c.Status == metav1.ConditionTrue {
		source = f.Run.Object
	}
	if source == nil {
		return nil
	}
	return f.readFrom(r, t, source)
}

// readAny takes the outputs of the newest run that shows all of them. One that
// has succeeded and does not is somebody's mistake.
func (f *Facts) readAny(r *Runnable, t *template.Template, of []lifecycle.Examined) error {
	var mistake error
	for _, e := range of {
		outputs, err := outputsOf(t, e.Object)
		if err == nil {
			f.Read, f.Outputs, f.Source = true, outputs, e.Object
			return nil
		}
		if mistake == nil && e.Health == metav1.ConditionTrue {
			mistake = f.unsatisfied(r, e.Object, err)
		}
	}
	return mistake
}

func (f *Facts) readFrom(r *Runnable, t *template.Template, source *unstructured.Unstructured) error {
	outputs, err := outputsOf(t, source)
	f.Read, f.Outputs, f.Source = true, outputs, source
	if err != nil {
		return f.unsatisfied(r, source, err)
	}
	return nil
}

func outputsOf(t *template.Template, run *unstructured.Unstructured) (map[string]any, error) {
	out := make(map[string]any, len(t.RunOutputs))
	for _, o := range t.RunOutputs {
		value, err := o.Read(run)
		if err != nil {
			return nil, err
		}
		out[o.Name] = value
	}
	return out, nil
}

func (f *Facts) unsatisfied(r *Runnable, run *unstructured.Unstructured, err error) error {
	return fault.Rejectf(v1alpha1.OutputPathNotSatisfiedRunTemplateReason,
		"waiting to read value from resource [%s/%s] in namespace [%s]: unable to retrieve outputs from stamped object [%s/%s] of type [%s] for run template [%s]: %w",
		f.Run.Resource, run.GetName(), run.GetNamespace(), run.GetNamespace(), run.GetName(), f.Run.Resource, r.Template.Name, err)
}

// ofTemplate is the runs of the template that is named now: the outputs of
// another's mean something else.
func ofTemplate(r *Runnable, seen []lifecycle.Examined) []lifecycle.Examined {
	var out []lifecycle.Examined
	for _, e := range seen {
		if e.Object.GetLabels()[v1alpha1.RunTemplateNameLabel] == r.labels()[v1alpha1.RunTemplateNameLabel] {
			out = append(out, e)
		}
	}
	return out
}

func examine(runs []*unstructured.Unstructured) []lifecycle.Examined {
	out := make([]lifecycle.Examined, 0, len(runs))
	for _, run := range runs {
		health := metav1.ConditionUnknown
		if c, says := Succeeded(run); says {
			health = c.Status
		}
		out = append(out, lifecycle.Examined{Object: run, Health: health})
	}
	return out
}

func without(runs []*unstructured.Unstructured, one *unstructured.Unstructured) []*unstructured.Unstructured {
	var out []*unstructured.Unstructured
	for _, run := range runs {
		if run.GetUID() != one.GetUID() {
			out = append(out, run)
		}
	}
	return out
}

func uids(run *unstructured.Unstructured) []types.UID {
	if run == nil {
		return nil
	}
	return []types.UID{run.GetUID()}
}
