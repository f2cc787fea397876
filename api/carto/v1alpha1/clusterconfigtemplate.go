// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ClusterConfigTemplate stamps an object that yields configuration: any value.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:scope=Cluster,shortName=cct
type ClusterConfigTemplate struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`

	// Spec is the template.
	Spec ConfigTemplateSpec `json:"spec"`
}

// ConfigTemplateSpec is a template, and where its object shows the configuration.
type ConfigTemplateSpec struct {
	TemplateSpec `json:",inline"`
	// ConfigPath is the JSONPath, in the stamped object, of the configuration: .data
	ConfigPath string `json:"configPath"`
}

// ClusterConfigTemplateList is a list of config templates.
//
// +kubebuilder:object:root=true
type ClusterConfigTemplateList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata"`
	// Items are the templates.
	Items []ClusterConfigTemplate `json:"items"`
}
