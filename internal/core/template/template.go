// SPDX-License-Identifier: Apache-2.0

// Package template makes one thing of all template kinds: what to stamp,
// what it yields, how its health is judged.
//
//	ClusterSourceTemplate     ─┐
//	ClusterImageTemplate      ─┤
//	ClusterConfigTemplate     ─┼─Compile─▶ Template{body, outputs, health rule, params, lifecycle}
//	ClusterDeploymentTemplate ─┤
//	ClusterTemplate           ─┤
//	(the next kind)           ─┘
//
// This is the one place that tells the kinds apart. A template is compiled
// once for each of its resource versions.
package template

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/types"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/output"
	"rhumb.run/rhumb/internal/core/path"
	"rhumb.run/rhumb/internal/core/render"
)

// Template is a compiled template of any kind.
type Template struct {
	Kind       string
	Name       string
	UID        types.UID
	Generation int64

	Params     []v1alpha1.TemplateParam
	HealthRule *v1alpha1.HealthRule
	Lifecycle  string
	// Retention says how many finished objects stay, if objects are never changed.
	Retention v1alpha1.RetentionPolicy
	// Outputs is what the stamped object promises to yield; empty for those that end a path.
	Outputs []output.Field
	// Deployed is set on a template that yields the source that it was given, once this says that it is deployed.
	Deployed *output.Deployed
	// RunOutputs is what a run yields once it has succeeded, by name.
	RunOutputs []RunOutput

	body render.Body
	// err says why the template cannot be rendered by anybody.
	err error
}

// Ref names a template; those that all share have no namespace.
type Ref struct{ Kind, Name, Namespace string }

// Kinds that a blueprint may name.
const (
	SourceKind     = "ClusterSourceTemplate"
	ImageKind      = "ClusterImageTemplate"
	ConfigKind     = "ClusterConfigTemplate"
	DeploymentKind = "ClusterDeploymentTemplate"
	PlainKind      = "ClusterTemplate"
)

// New makes an empty API object of each kind, for those who fetch and watch them.
var New = map[string]func() Object{
	SourceKind:     func() Object { return &v1alpha1.ClusterSourceTemplate{} },
	ImageKind:      func() Object { return &v1alpha1.ClusterImageTemplate{} },
	ConfigKind:     func() Object { return &v1alpha1.ClusterConfigTemplate{} },
	DeploymentKind: func() Object { return &v1alpha1.ClusterDeploymentTemplate{} },
	PlainKind:      func() Object { return &v1alpha1.ClusterTemplate{} },
}

// Compile reads a template object. It never fails: a template that is wrong
// says so where it is rendered, in the status of each owner that needs it. A
// ytt template is left to engine.
func Compile(object Object, engine render.Engine) *Template {
	if t := compileRun(object, engine); t != nil {
		return t
	}
	kind, spec, fields := read(object)
	t := &Template{
		Kind:       kind,
		Name:       object.GetName(),
		UID:        object.GetUID(),
		Generation: object.GetGeneration(),
		Params:     spec.Params,
		HealthRule: spec.HealthRule,
		Lifecycle:  lifecycle(spec),
	}
	if spec.RetentionPolicy != nil {
		t.Retention = *spec.RetentionPolicy
	}
	if t.Lifecycle == v1alpha1.LifecycleTekton && t.HealthRule == nil {
		t.HealthRule = &v1alpha1.HealthRule{SingleConditionType: "Succeeded"}
	}
	t.Outputs, t.err = parse(fields)
	if d, ok := object.(*v1alpha1.ClusterDeploymentTemplate); ok {
		t.Deployed, t.err = output.CompileDeployed(d.Spec.ObservedMatches, d.Spec.ObservedCompletion)
	}
	if t.err == nil {
		t.body, t.err = render.BodyOf(spec.Template, spec.Ytt, engine)
	}
	return t
}

// Yields is true if the template promises an output.
func (t *Template) Yields() bool { return len(t.Outputs) > 0 || t.Deployed != nil }

// Render makes the object that the template describes for this context.
func (t *Template) Render(ctx context.Context, data any) (map[string]any, error) {
	if t.err != nil {
		return nil, t.err
	}
	return t.body(ctx, data)
}

func read(object Object) (kind string, spec *v1alpha1.TemplateSpec, fields [][2]string) {
	switch t := object.(type) {
	case *v1alpha1.ClusterSourceTemplate:
		return SourceKind, &t.Spec.TemplateSpec, [][2]string{{output.URL, t.Spec.URLPath}, {output.Revision, t.Spec.RevisionPath}}
	case *v1alpha1.ClusterImageTemplate:
		return ImageKind, &t.Spec.TemplateSpec, [][2]string{{output.Image, t.Spec.ImagePath}}
	case *v1alpha1.ClusterConfigTemplate:
		return ConfigKind, &t.Spec.TemplateSpec, [][2]string{{output.Config, t.Spec.ConfigPath}}
	case *v1alpha1.ClusterDeploymentTemplate:
		return DeploymentKind, &t.Spec.TemplateSpec, nil
	case *v1alpha1.ClusterTemplate:
		return PlainKind, &t.Spec, nil
	}
	panic(fmt.Sprintf("no such template kind: %T", object))
}

func parse(fields [][2]string) ([]output.Field, error) {
	var out []output.Field
	for _, f := range fields {
		p, err := path.Parse(f[1])
		if err != nil {
			return nil, fmt.Errorf("reading the path of output %s: %w", f[0], err)
		}
		out = append(out, output.Field{Name: f[0], Path: p})
	}
	return out, nil
}

func lifecycle(spec *v1alpha1.TemplateSpec) string {
	if spec.Lifecycle == "" {
		return v1alpha1.LifecycleMutable
	}
	return spec.Lifecycle
}
