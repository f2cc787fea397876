// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ClusterDelivery is the path that deliverables take into an environment: which ones, and through which templates.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Cluster,path=clusterdeliveries,shortName=cd
// +kubebuilder:printcolumn:name="Ready",type="string",JSONPath=".status.conditions[?(@.type=='Ready')].status"
// +kubebuilder:printcolumn:name="Reason",type="string",JSONPath=".status.conditions[?(@.type=='Ready')].reason"
// +kubebuilder:printcolumn:name="Age",type="date",JSONPath=".metadata.creationTimestamp"
type ClusterDelivery struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`

	// Spec is the path.
	Spec DeliverySpec `json:"spec"`
	// Status says whether the path can be followed.
	// +optional
	Status DeliveryStatus `json:"status,omitzero"`
}

// DeliverySpec is a path for deliverables.
type DeliverySpec struct {
	LegacySelector `json:",inline"`
	// Resources are the steps. A step runs once the outputs that it reads are there, whatever the order in the list.
	// +kubebuilder:validation:MaxItems=50
	Resources []DeliveryResource `json:"resources"`
	// Params for the templates of all steps.
	// +optional
	Params []BlueprintParam `json:"params,omitempty"`
	// ServiceAccountRef names the account in whose name objects are stamped for deliverables that name none.
	// +optional
	ServiceAccountRef ServiceAccountRef `json:"serviceAccountRef,omitzero"`
}

// DeliveryResource is a step of a delivery.
type DeliveryResource struct {
	// Name of the step, by which other steps and the status refer to it.
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
	// TemplateRef names the template, or several to choose from.
	TemplateRef DeliveryTemplateReference `json:"templateRef"`
	// Params for the templates of this step. They take the place of the delivery's of the same name.
	// +optional
	Params []BlueprintParam `json:"params,omitempty"`
	// Sources are outputs of ClusterSourceTemplates and ClusterDeploymentTemplates to read.
	// +kubebuilder:validation:MaxItems=16
	// +optional
	Sources []ResourceReference `json:"sources,omitempty"`
	// Configs are outputs of ClusterConfigTemplates to read.
	// +kubebuilder:validation:MaxItems=16
	// +optional
	Configs []ResourceReference `json:"configs,omitempty"`
	// Deployment is the source that a ClusterDeploymentTemplate deploys, and passes on once it is deployed.
	// +optional
	Deployment *DeploymentReference `json:"deployment,omitempty"`
}

// DeliveryTemplateReference names a template, or several to choose from by the deliverable.
type DeliveryTemplateReference struct {
	// Kind of the template.
	// +kubebuilder:validation:Enum=ClusterSourceTemplate;ClusterDeploymentTemplate;ClusterTemplate;ClusterConfigTemplate
	Kind string `json:"kind"`
	// Name of the template. Either this or options.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +optional
	Name string `json:"name,omitempty"`
	// Options to choose from: exactly one must match the deliverable. Either this or name.
	// +kubebuilder:validation:MinItems=2
	// +kubebuilder:validation:MaxItems=16
	// +optional
	Options []TemplateOption `json:"options,omitempty"`
}

// DeploymentReference names the resource whose source is deployed.
type DeploymentReference struct {
	// Resource of the same delivery that yields a source.
	// +kubebuilder:validation:MaxLength=253
	Resource string `json:"resource"`
}

// DeliveryStatus says whether a delivery can be followed.
type DeliveryStatus struct {
	BlueprintStatus `json:",inline"`
}

// ClusterDeliveryList is a list of deliveries.
//
// +kubebuilder:object:root=true
type ClusterDeliveryList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata"`
	// Items are the deliveries.
	Items []ClusterDelivery `json:"items"`
}
