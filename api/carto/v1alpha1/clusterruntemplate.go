// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// ClusterRunTemplate stamps the object that a Runnable runs.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:scope=Cluster,shortName=crt
type ClusterRunTemplate struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`

	// Spec is the template.
	Spec RunTemplateSpec `json:"spec"`
}

// RunTemplateSpec is a template, and what to read from its object when it has succeeded.
//
// +kubebuilder:validation:XValidation:rule="has(self.template) || has(self.ytt) && size(self.ytt) > 0",message="invalid template: must specify one of template or ytt, found neither"
// +kubebuilder:validation:XValidation:rule="!(has(self.template) && has(self.ytt) && size(self.ytt) > 0)",message="invalid template: must specify one of template or ytt, found both"
type RunTemplateSpec struct {
	// Template is the object to stamp, with spec. Text of the form $(path)$ is filled in: runnable and selected can be
	// read. It has a generateName, since every run is an object of its own. Either this or ytt.
	// +kubebuilder:pruning:PreserveUnknownFields
	// +optional
	Template runtime.RawExtension `json:"template,omitzero"`
	// Ytt is a ytt template of the object to stamp; the same can be read as data.values. Either this or template.
	// +optional
	Ytt string `json:"ytt,omitempty"`
	// Outputs are what the Runnable shows in its status: by name, the JSONPath in the stamped object.
	// +optional
	Outputs map[string]string `json:"outputs,omitempty"`
}

// ClusterRunTemplateList is a list of run templates.
//
// +kubebuilder:object:root=true
type ClusterRunTemplateList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata"`
	// Items are the templates.
	Items []ClusterRunTemplate `json:"items"`
}
