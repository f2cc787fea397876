// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// LegacySelector says which owners a blueprint is for. All that is given must hold; of several blueprints that match,
// the one that asks for most wins.
type LegacySelector struct {
	// Selector lists labels that the owner must carry, with these values.
	// +optional
	Selector map[string]string `json:"selector,omitempty"`
	// SelectorMatchExpressions are requirements on the owner's labels.
	// +optional
	SelectorMatchExpressions []metav1.LabelSelectorRequirement `json:"selectorMatchExpressions,omitempty"`
	// SelectorMatchFields are requirements on the owner's fields.
	// +kubebuilder:validation:MaxItems=16
	// +optional
	SelectorMatchFields []FieldSelectorRequirement `json:"selectorMatchFields,omitempty"`
}

// Selector says for which owners an option is meant.
//
// +structType=atomic
//
// All that is given must hold.
type Selector struct {
	metav1.LabelSelector `json:",inline"`
	// MatchFields are requirements on the owner's fields.
	// +kubebuilder:validation:MaxItems=16
	// +optional
	MatchFields []FieldSelectorRequirement `json:"matchFields,omitempty"`
}

// FieldSelectorRequirement asks something of one field.
type FieldSelectorRequirement struct {
	// Key is the JSONPath of the field within the object, without a prefix: spec.source.git.url
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Key string `json:"key"`
	// Operator is In or NotIn, which need values, or Exists or DoesNotExist, which take none. A field that is absent
	// satisfies DoesNotExist alone.
	Operator FieldSelectorOperator `json:"operator"`
	// Values, one of which the field must have (In) or must not have (NotIn). Only text can be equal to text.
	// +optional
	Values []string `json:"values,omitempty"`
}

// FieldSelectorOperator relates a field to values.
// +kubebuilder:validation:Enum=In;NotIn;Exists;DoesNotExist
type FieldSelectorOperator string

const (
	// FieldSelectorIn wants the field to have one of the values.
	FieldSelectorIn FieldSelectorOperator = "In"
	// FieldSelectorNotIn wants the field to be there and to have none of the values.
	FieldSelectorNotIn FieldSelectorOperator = "NotIn"
	// FieldSelectorExists wants the field to be there.
	FieldSelectorExists FieldSelectorOperator = "Exists"
	// FieldSelectorDoesNotExist wants the field to be absent or null.
	FieldSelectorDoesNotExist FieldSelectorOperator = "DoesNotExist"
)

// BlueprintParam gives a param to templates: as a value that owners cannot change, or as a default that they can.
type BlueprintParam struct {
	// Name under which templates find the value.
	Name string `json:"name"`
	// Value is forced: what the owner says under this name is ignored.
	// +optional
	Value *JSON `json:"value,omitempty"`
	// DefaultValue applies unless the owner says otherwise.
	// +optional
	DefaultValue *JSON `json:"default,omitempty"`
}

// ResourceReference feeds an output of one resource to another.
type ResourceReference struct {
	// Name under which the template finds the input.
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
	// Resource of the same blueprint that yields it.
	// +kubebuilder:validation:MaxLength=253
	Resource string `json:"resource"`
}

// TemplateOption is a template for some owners: the one option whose selector matches is taken.
type TemplateOption struct {
	// Name of the template to use. Either this or passThrough.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +optional
	Name string `json:"name,omitempty"`
	// PassThrough names an input of the resource; it becomes the output, unchanged, and nothing is stamped.
	// +kubebuilder:validation:MaxLength=253
	// +optional
	PassThrough string `json:"passThrough,omitempty"`
	// Selector says for which owners this option is meant.
	Selector Selector `json:"selector"`
}

// ServiceAccountRef names the service account in whose name objects are stamped.
type ServiceAccountRef struct {
	// Name of the service account.
	Name string `json:"name"`
	// Namespace of the service account. Empty means the owner's.
	// +optional
	Namespace string `json:"namespace,omitempty"`
}

// BlueprintStatus says whether a blueprint can be followed.
type BlueprintStatus struct {
	// Conditions are TemplatesReady and Ready.
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// ObservedGeneration is the generation of the spec that this status speaks of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
}
