// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ClusterImageTemplate stamps an object that yields an image.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:scope=Cluster,shortName=cit
type ClusterImageTemplate struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`

	// Spec is the template.
	Spec ImageTemplateSpec `json:"spec"`
}

// ImageTemplateSpec is a template, and where its object shows the image.
type ImageTemplateSpec struct {
	TemplateSpec `json:",inline"`
	// ImagePath is the JSONPath, in the stamped object, of the image: .status.latestImage
	ImagePath string `json:"imagePath"`
}

// ClusterImageTemplateList is a list of image templates.
//
// +kubebuilder:object:root=true
type ClusterImageTemplateList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata"`
	// Items are the templates.
	Items []ClusterImageTemplate `json:"items"`
}
