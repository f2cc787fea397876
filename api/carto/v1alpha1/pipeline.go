// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Pipeline is what a Runnable was called in Cartographer v0.0.6. It makes something that runs once run again whenever
// its inputs change. Write a Runnable instead.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:deprecatedversion:warning="carto.run/v1alpha1 Pipeline is deprecated: write a Runnable, whose spec.runTemplateRef names a ClusterRunTemplate"
// +kubebuilder:printcolumn:name="Ready",type="string",JSONPath=".status.conditions[?(@.type=='Ready')].status"
// +kubebuilder:printcolumn:name="Reason",type="string",JSONPath=".status.conditions[?(@.type=='Ready')].reason"
// +kubebuilder:printcolumn:name="Age",type="date",JSONPath=".metadata.creationTimestamp"
type Pipeline struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`

	// Spec is what to run, and with what.
	Spec PipelineSpec `json:"spec"`
	// Status is what came of it: what a Runnable says.
	// +optional
	Status RunnableStatus `json:"status,omitempty"`
}

// PipelineSpec is what to run, and with what.
type PipelineSpec struct {
	// RunTemplateRef names the template of the object that runs.
	RunTemplateRef PipelineTemplateReference `json:"runTemplateRef"`
	// Inputs that the template may use: by name, any JSON value. A change starts a new run.
	// +optional
	Inputs map[string]JSON `json:"inputs,omitempty"`
	// ServiceAccountName is the account, in the pipeline's namespace, in whose name runs are created. "default" without
	// it.
	// +optional
	ServiceAccountName string `json:"serviceAccountName,omitempty"`
}

// PipelineTemplateReference names a RunTemplate.
type PipelineTemplateReference struct {
	// Kind is RunTemplate, or ClusterRunTemplate for one that all namespaces share. RunTemplate without it.
	// +optional
	Kind string `json:"kind,omitempty"`
	// Name of the template.
	// +kubebuilder:validation:MinLength=1
	Name string `json:"name"`
	// Namespace of the RunTemplate; the pipeline's own without it. Its service account must be allowed to get a
	// template of another namespace.
	// +optional
	Namespace string `json:"namespace,omitempty"`
}

// PipelineList is a list of pipelines.
//
// +kubebuilder:object:root=true
type PipelineList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata"`
	// Items are the pipelines.
	Items []Pipeline `json:"items"`
}
