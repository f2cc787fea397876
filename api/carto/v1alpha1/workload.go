// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Workload is an application as its developer sees it: where its source or image is, and what it needs to run. Its
// labels choose the ClusterSupplyChain that takes it further.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=wld,categories=all
// +kubebuilder:printcolumn:name="Source",type="string",JSONPath=".spec.source['git.url','image']"
// +kubebuilder:printcolumn:name="SupplyChain",type="string",JSONPath=".status.supplyChainRef.name"
// +kubebuilder:printcolumn:name="Ready",type="string",JSONPath=".status.conditions[?(@.type=='Ready')].status"
// +kubebuilder:printcolumn:name="Reason",type="string",JSONPath=".status.conditions[?(@.type=='Ready')].reason"
// +kubebuilder:printcolumn:name="Cause",type="string",JSONPath=".status.cause",priority=1
// +kubebuilder:printcolumn:name="Age",type="date",JSONPath=".metadata.creationTimestamp"
type Workload struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`

	// Spec is what the developer asks for.
	Spec WorkloadSpec `json:"spec"`
	// Status is how far it got.
	// +optional
	Status WorkloadStatus `json:"status,omitempty"`
}

// WorkloadSpec is what a developer asks for.
type WorkloadSpec struct {
	// Params for the templates of the supply chain. Every one reaches the templates, declared there or not.
	// +optional
	Params []OwnerParam `json:"params,omitempty"`
	// Source is where the code, or the prebuilt image to watch, comes from.
	// +optional
	Source *Source `json:"source,omitempty"`
	// Image is a prebuilt image, for chains that start with one.
	// +optional
	Image *string `json:"image,omitempty"`
	// Build is for the stage that builds the image.
	// +optional
	Build WorkloadBuild `json:"build,omitempty"`
	// Env is the environment in which the application runs. Templates decide what to do with it.
	// +optional
	Env []corev1.EnvVar `json:"env,omitempty"`
	// Resources are the CPU and memory that the application needs. Templates decide what to do with them.
	// +optional
	Resources *corev1.ResourceRequirements `json:"resources,omitempty"`
	// ServiceAccountName is the account, in the workload's namespace, in whose name all objects of the workload are
	// stamped. Without it the chain's applies, and then "default".
	// +optional
	ServiceAccountName string `json:"serviceAccountName,omitempty"`
	// ServiceClaims are the services, such as databases, to which the application is to be bound.
	// +optional
	ServiceClaims []WorkloadServiceClaim `json:"serviceClaims,omitempty"`
}

// WorkloadBuild is for the stage that builds the image.
type WorkloadBuild struct {
	// Env is the environment in which the build runs. Templates decide what to do with it.
	// +optional
	Env []corev1.EnvVar `json:"env,omitempty"`
}

// WorkloadServiceClaim asks for a service.
type WorkloadServiceClaim struct {
	// Name of the claim, by which the application knows the service.
	Name string `json:"name"`
	// Ref names the object that stands for the service.
	// +optional
	Ref *WorkloadServiceClaimReference `json:"ref,omitempty"`
}

// WorkloadServiceClaimReference names the object that stands for a service.
type WorkloadServiceClaimReference struct {
	// APIVersion of the object.
	APIVersion string `json:"apiVersion"`
	// Kind of the object.
	Kind string `json:"kind"`
	// Name of the object.
	Name string `json:"name"`
}

// WorkloadStatus is how far a workload got.
type WorkloadStatus struct {
	OwnerStatus `json:",inline"`
	// SupplyChainRef names the chain that the workload follows: kind and name.
	// +optional
	SupplyChainRef ObjectReference `json:"supplyChainRef,omitempty"`
}

// WorkloadList is a list of workloads.
//
// +kubebuilder:object:root=true
type WorkloadList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata"`
	// Items are the workloads.
	Items []Workload `json:"items"`
}
