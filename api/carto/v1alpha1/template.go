// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// The lifecycles of stamped objects.
const (
	// LifecycleMutable keeps one object up to date.
	LifecycleMutable = "mutable"
	// LifecycleImmutable stamps a new object whenever the content changes.
	LifecycleImmutable = "immutable"
	// LifecycleTekton is immutable, healthy when the condition Succeeded is True.
	LifecycleTekton = "tekton"
)

// TemplateSpec is what all templates for blueprints have in common.
//
// +kubebuilder:validation:XValidation:rule="has(self.template) || has(self.ytt) && size(self.ytt) > 0",message="invalid template: must specify one of template or ytt, found neither"
// +kubebuilder:validation:XValidation:rule="!(has(self.template) && has(self.ytt) && size(self.ytt) > 0)",message="invalid template: must specify one of template or ytt, found both"
// +kubebuilder:validation:XValidation:rule="!has(self.retentionPolicy) || has(self.lifecycle) && self.lifecycle != 'mutable'",message="invalid template: if lifecycle is mutable, no retention policy may be set",fieldPath=".retentionPolicy"
type TemplateSpec struct {
	// Template is the object to stamp. Text of the form $(path)$ is filled in: workload, deliverable, params, sources,
	// images, configs, deployment and labels can be read. Either this or ytt.
	// +kubebuilder:pruning:PreserveUnknownFields
	// +optional
	Template *runtime.RawExtension `json:"template,omitempty"`
	// Ytt is a ytt template of the object to stamp; the same can be read as data.values. Either this or template.
	// +optional
	Ytt string `json:"ytt,omitempty"`
	// Params that the template takes, with what they are if nobody says otherwise.
	// +optional
	Params TemplateParams `json:"params,omitempty"`
	// HealthRule says how to tell that the object is well. Without it an object is healthy once its outputs can be
	// read, or once it exists if it has none.
	// +optional
	HealthRule *HealthRule `json:"healthRule,omitempty"`
	// Lifecycle is mutable (one object, kept up to date), immutable (a new object for each change; the newest healthy
	// one yields the outputs) or tekton (immutable, healthy when Succeeded).
	// +kubebuilder:validation:Enum=mutable;immutable;tekton
	// +kubebuilder:default=mutable
	// +optional
	Lifecycle string `json:"lifecycle,omitempty"`
	// RetentionPolicy says how many old objects to keep. Only for the lifecycles immutable and tekton; 10 of each
	// without it.
	// +optional
	RetentionPolicy *RetentionPolicy `json:"retentionPolicy,omitempty"`
}

// TemplateParams are the params of a template.
type TemplateParams []TemplateParam

// TemplateParam is a param that a template takes.
type TemplateParam struct {
	// Name of the param; the template reads it as params.<name>.
	Name string `json:"name"`
	// DefaultValue applies unless the blueprint or the owner says otherwise. Any JSON value.
	DefaultValue JSON `json:"default"`
}

// RetentionPolicy says how many finished objects are kept.
type RetentionPolicy struct {
	// MaxFailedRuns is the number of failed ones to keep, newest first.
	// +kubebuilder:validation:Minimum=1
	MaxFailedRuns int64 `json:"maxFailedRuns"`
	// MaxSuccessfulRuns is the number of successful ones to keep, newest first.
	// +kubebuilder:validation:Minimum=1
	MaxSuccessfulRuns int64 `json:"maxSuccessfulRuns"`
}

// HealthRule says how to tell that a stamped object is well: exactly one of its fields is set.
//
// +kubebuilder:validation:XValidation:rule="has(self.alwaysHealthy) || has(self.multiMatch) || has(self.singleConditionType) && size(self.singleConditionType) > 0",message="invalid health rule: must specify one of alwaysHealthy, singleConditionType or multiMatch, found neither"
// +kubebuilder:validation:XValidation:rule="[has(self.alwaysHealthy), has(self.multiMatch), has(self.singleConditionType) && size(self.singleConditionType) > 0].filter(x, x).size() < 2",message="invalid health rule: must specify one of alwaysHealthy, singleConditionType or multiMatch, found multiple"
type HealthRule struct {
	// AlwaysHealthy, an empty object, means healthy as soon as it exists.
	// +kubebuilder:pruning:PreserveUnknownFields
	// +optional
	AlwaysHealthy *runtime.RawExtension `json:"alwaysHealthy,omitempty"`
	// SingleConditionType names the condition of the object that tells.
	// +optional
	SingleConditionType string `json:"singleConditionType,omitempty"`
	// MultiMatch tells by several conditions and fields.
	// +optional
	MultiMatch *MultiMatchHealthRule `json:"multiMatch,omitempty"`
}

// MultiMatchHealthRule tells by several conditions and fields. Illness is looked for first.
//
// +kubebuilder:validation:XValidation:rule="has(self.unhealthy.matchConditions) && size(self.unhealthy.matchConditions) > 0 || has(self.unhealthy.matchFields) && size(self.unhealthy.matchFields) > 0",message="invalid multi match health rule: unhealthy rule has no matchFields or matchConditions",fieldPath=".unhealthy"
// +kubebuilder:validation:XValidation:rule="has(self.healthy.matchConditions) && size(self.healthy.matchConditions) > 0 || has(self.healthy.matchFields) && size(self.healthy.matchFields) > 0",message="invalid multi match health rule: healthy rule has no matchFields or matchConditions",fieldPath=".healthy"
type MultiMatchHealthRule struct {
	// Healthy holds if all of its requirements do.
	Healthy HealthMatchRule `json:"healthy"`
	// Unhealthy holds if any of its requirements does.
	Unhealthy HealthMatchRule `json:"unhealthy"`
}

// HealthMatchRule is a set of requirements; it has at least one.
type HealthMatchRule struct {
	// MatchConditions are requirements on the object's conditions.
	// +optional
	MatchConditions []ConditionRequirement `json:"matchConditions,omitempty"`
	// MatchFields are requirements on the object's fields.
	// +optional
	MatchFields []HealthMatchFieldSelectorRequirement `json:"matchFields,omitempty"`
}

// ConditionRequirement wants a condition to have a status.
type ConditionRequirement struct {
	// Type of the condition.
	Type string `json:"type"`
	// Status that it must have: True, False or Unknown.
	Status metav1.ConditionStatus `json:"status"`
}

// HealthMatchFieldSelectorRequirement wants something of a field, and says where the explanation stands.
type HealthMatchFieldSelectorRequirement struct {
	FieldSelectorRequirement `json:",inline"`
	// MessagePath is the JSONPath of the text in the object that explains the field's value.
	// +optional
	MessagePath string `json:"messagePath,omitempty"`
}
