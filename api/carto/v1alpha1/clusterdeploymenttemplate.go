// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ClusterDeploymentTemplate stamps an object that deploys a source, and passes the source on once it is deployed.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:scope=Cluster,shortName=cdt
type ClusterDeploymentTemplate struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`

	// Spec is the template.
	Spec DeploymentSpec `json:"spec"`
}

// DeploymentSpec is a template, and how to tell that its object is done: by one of the two observed fields.
//
// +kubebuilder:validation:XValidation:rule="has(self.observedMatches) != has(self.observedCompletion)",message="invalid spec: must set exactly one of spec.ObservedMatches and spec.ObservedCompletion"
type DeploymentSpec struct {
	TemplateSpec `json:",inline"`
	// ObservedMatches are pairs of fields in the stamped object that are equal once it is deployed. Either this or
	// observedCompletion.
	// +optional
	ObservedMatches []ObservedMatch `json:"observedMatches,omitempty"`
	// ObservedCompletion are the fields of the stamped object that tell success from failure. Either this or
	// observedMatches.
	// +optional
	ObservedCompletion *ObservedCompletion `json:"observedCompletion,omitempty"`
}

// ObservedMatch is a pair of fields.
type ObservedMatch struct {
	// Input is the JSONPath of what was asked for: spec.revision
	Input string `json:"input"`
	// Output is the JSONPath of what is there: status.revision
	Output string `json:"output"`
}

// ObservedCompletion tells success from failure, once the object's status speaks of its current generation.
type ObservedCompletion struct {
	// SucceededCondition holds when the source is deployed.
	SucceededCondition Condition `json:"succeeded"`
	// FailedCondition holds when it will not be. It is looked at first.
	// +optional
	FailedCondition *Condition `json:"failed,omitempty"`
}

// Condition holds when a field has a value.
type Condition struct {
	// Key is the JSONPath of the field in the stamped object.
	Key string `json:"key"`
	// Value that the field must have.
	Value string `json:"value"`
}

// ClusterDeploymentTemplateList is a list of deployment templates.
//
// +kubebuilder:object:root=true
type ClusterDeploymentTemplateList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata"`
	// Items are the templates.
	Items []ClusterDeploymentTemplate `json:"items"`
}
