// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ClusterTemplate stamps an object that yields nothing to later steps.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:scope=Cluster,shortName=ct
type ClusterTemplate struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`

	// Spec is the template.
	Spec TemplateSpec `json:"spec"`
}

// ClusterTemplateList is a list of templates.
//
// +kubebuilder:object:root=true
type ClusterTemplateList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata"`
	// Items are the templates.
	Items []ClusterTemplate `json:"items"`
}
