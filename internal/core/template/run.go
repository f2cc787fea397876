// SPDX-License-Identifier: Apache-2.0

package template

import (
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/path"
	"rhumb.run/rhumb/internal/core/render"
)

// Kinds that a Runnable or a Pipeline may name.
const (
	RunKind           = "ClusterRunTemplate"
	NamespacedRunKind = "RunTemplate"
)

// NewRun makes an empty API object of each kind of run template.
var NewRun = map[string]func() Object{
	RunKind:           func() Object { return &v1alpha1.ClusterRunTemplate{} },
	NamespacedRunKind: func() Object { return &v1alpha1.RunTemplate{} },
}

// Kinds makes an empty API object of each kind of template there is.
func Kinds() map[string]func() Object {
	all := maps.Clone(New)
	maps.Copy(all, NewRun)
	return all
}

// Empty is an empty API object of any kind of template, nil if there is no such kind.
func Empty(kind string) Object {
	if empty, known := New[kind]; known {
		return empty()
	}
	if empty, known := NewRun[kind]; known {
		return empty()
	}
	return nil
}

// RunOutput is one value that a run yields. A path that cannot be parsed fails
// where it is read: it never keeps a run from being made.
type RunOutput struct {
	Name, Path string

	parsed *path.Path
	err    error
}

// Read takes the value from a run.
func (o RunOutput) Read(run *unstructured.Unstructured) (any, error) {
	if o.err != nil {
		return nil, fmt.Errorf("failed to evaluate path [%s]: %w", o.Path, o.err)
	}
	value, err := o.parsed.Value(run.Object)
	if err != nil {
		return nil, fmt.Errorf("failed to evaluate path [%s]: %w", o.Path, err)
	}
	return value, nil
}

// compileRun reads a template of runs; nil if it is none.
func compileRun(object Object, engine render.Engine) *Template {
	t := &Template{
		Name: object.GetName(), UID: object.GetUID(), Generation: object.GetGeneration(), Lifecycle: v1alpha1.LifecycleImmutable,
	}
	var spec *v1alpha1.RunTemplateSpec
	switch o := object.(type) {
	case *v1alpha1.ClusterRunTemplate:
		t.Kind, spec = RunKind, &o.Spec
	case *v1alpha1.RunTemplate:
		t.Kind, spec = NamespacedRunKind, &o.Spec
	default:
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(spec.Outputs)) {
		out := RunOutput{Name: name, Path: spec.Outputs[name]}
		out.parsed, out.err = path.Parse(out.Path)
		t.RunOutputs = append(t.RunOutputs, out)
	}
	t.body, t.err = render.BodyOf(&spec.Template, spec.Ytt, engine)
	return t
}
