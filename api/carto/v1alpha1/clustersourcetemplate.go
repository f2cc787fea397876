// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ClusterSourceTemplate stamps an object that yields a source: a URL to fetch, and its revision.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:scope=Cluster,shortName=cst
type ClusterSourceTemplate struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`

	// Spec is the template.
	Spec SourceTemplateSpec `json:"spec"`
}

// SourceTemplateSpec is a template, and where its object shows the source.
type SourceTemplateSpec struct {
	TemplateSpec `json:",inline"`
	// URLPath is the JSONPath, in the stamped object, of the URL: .status.artifact.url
	URLPath string `json:"urlPath"`
	// RevisionPath is the JSONPath, in the stamped object, of the revision: .status.artifact.revision
	RevisionPath string `json:"revisionPath"`
}

// ClusterSourceTemplateList is a list of source templates.
//
// +kubebuilder:object:root=true
type ClusterSourceTemplateList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata"`
	// Items are the templates.
	Items []ClusterSourceTemplate `json:"items"`
}
