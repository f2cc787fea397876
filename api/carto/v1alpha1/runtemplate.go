// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// RunTemplate is what a ClusterRunTemplate was called in Cartographer v0.0.6, when it was one namespace's. It stamps the
// object that a Pipeline runs. Write a ClusterRunTemplate instead.
//
// +kubebuilder:object:root=true
// +kubebuilder:deprecatedversion:warning="carto.run/v1alpha1 RunTemplate is deprecated: write a ClusterRunTemplate, which a Runnable names"
type RunTemplate struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`

	// Spec is the template.
	Spec RunTemplateSpec `json:"spec"`
}

// RunTemplateList is a list of run templates.
//
// +kubebuilder:object:root=true
type RunTemplateList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata"`
	// Items are the templates.
	Items []RunTemplate `json:"items"`
}
