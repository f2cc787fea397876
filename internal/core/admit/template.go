// SPDX-License-Identifier: Apache-2.0

package admit

import (
	"maps"
	"slices"
	"strings"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/path"
)

// SourceTemplate says what is wrong with a source template.
func SourceTemplate(t *v1alpha1.ClusterSourceTemplate) []Problem {
	f := &finder{}
	checkSpec(f, &t.Spec.TemplateSpec)
	readable(f, spec.to("urlPath"), t.Spec.URLPath)
	readable(f, spec.to("revisionPath"), t.Spec.RevisionPath)
	return f.problems
}

// ImageTemplate says what is wrong with an image template.
func ImageTemplate(t *v1alpha1.ClusterImageTemplate) []Problem {
	f := &finder{}
	checkSpec(f, &t.Spec.TemplateSpec)
	readable(f, spec.to("imagePath"), t.Spec.ImagePath)
	return f.problems
}

// ConfigTemplate says what is wrong with a config template.
func ConfigTemplate(t *v1alpha1.ClusterConfigTemplate) []Problem {
	f := &finder{}
	checkSpec(f, &t.Spec.TemplateSpec)
	readable(f, spec.to("configPath"), t.Spec.ConfigPath)
	return f.problems
}

// Template says what is wrong with a template that yields nothing.
func Template(t *v1alpha1.ClusterTemplate) []Problem {
	f := &finder{}
	checkSpec(f, &t.Spec)
	return f.problems
}

// DeploymentTemplate says what is wrong with a deployment template.
func DeploymentTemplate(t *v1alpha1.ClusterDeploymentTemplate) []Problem {
	f := &finder{}
	checkSpec(f, &t.Spec.TemplateSpec)
	if (t.Spec.ObservedMatches == nil) == (t.Spec.ObservedCompletion == nil) {
		f.refuse(spec, "invalid spec: must set exactly one of spec.ObservedMatches and spec.ObservedCompletion")
	}
	for i, m := range t.Spec.ObservedMatches {
		readable(f, spec.to("observedMatches", i, "input"), m.Input)
		readable(f, spec.to("observedMatches", i, "output"), m.Output)
	}
	if c := t.Spec.ObservedCompletion; c != nil {
		readable(f, spec.to("observedCompletion", "succeeded", "key"), c.SucceededCondition.Key)
		if c.FailedCondition != nil {
			// Success is told all the same.
			legible(f, spec.to("observedCompletion", "failed", "key"), c.FailedCondition.Key)
		}
	}
	return f.problems
}

// RunTemplate says what is wrong with a run template.
func RunTemplate(t *v1alpha1.ClusterRunTemplate) []Problem {
	f := &finder{}
	given := len(t.Spec.Template.Raw) > 0
	checkLanguage(f, given, t.Spec.Ytt)
	var object map[string]any
	if given {
		object = checkObject(f, t.Spec.Template.Raw)
	}
	if object != nil {
		if _, ok := object["spec"]; !ok {
			f.refuse(spec.to("template"), "invalid template: object must have a spec; templated object: %s", excerpt(t.Spec.Template.Raw))
		}
		checkTags(f, spec.to("template"), object)
	}
	for _, name := range slices.Sorted(maps.Keys(t.Spec.Outputs)) {
		readable(f, spec.to("outputs", name), t.Spec.Outputs[name])
	}
	return f.problems
}

// checkSpec is what all templates for blueprints have in common.
func checkSpec(f *finder, t *v1alpha1.TemplateSpec) {
	given := t.Template != nil && len(t.Template.Raw) > 0
	checkLanguage(f, given, t.Ytt)
	var object map[string]any
	if given {
		object = checkObject(f, t.Template.Raw)
	}
	if t.HealthRule != nil {
		checkHealth(f, t.HealthRule)
	}
	if t.RetentionPolicy != nil && (t.Lifecycle == "" || t.Lifecycle == v1alpha1.LifecycleMutable) {
		f.refuse(spec.to("retentionPolicy"), "invalid template: if lifecycle is mutable, no retention policy may be set")
	}
	checkTags(f, spec.to("template"), object)
}

// checkLanguage: a template is written in one of two languages.
func checkLanguage(f *finder, given bool, ytt string) {
	const oneOf = "invalid template: must specify one of template or ytt, found "
	switch {
	case given && ytt != "":
		f.refuse(spec, oneOf+"both")
	case !given && ytt == "":
		f.refuse(spec, oneOf+"neither")
	}
}

// readable refuses a path that never leads anywhere. An empty one was always
// let in, as a place to fill in later; nothing is ever read there, and that is told.
func readable(f *finder, at Path, expr string) {
	if strings.TrimSpace(expr) == "" {
		f.warn(at, "empty jsonpath at %s: nothing can ever be read there", at)
		return
	}
	if _, err := path.Parse(expr); err != nil {
		f.refuse(at, "invalid jsonpath at %s: %v", at, err)
	}
}

// legible tells of a path that never leads anywhere, where the rest works all the same.
func legible(f *finder, at Path, expr string) {
	if _, err := path.Parse(expr); err != nil {
		f.warn(at, "invalid jsonpath at %s: %v", at, err)
	}
}
