// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ClusterSupplyChain is the path that workloads take: which ones, and through which templates.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Cluster,shortName=csc
// +kubebuilder:printcolumn:name="Ready",type="string",JSONPath=".status.conditions[?(@.type=='Ready')].status"
// +kubebuilder:printcolumn:name="Reason",type="string",JSONPath=".status.conditions[?(@.type=='Ready')].reason"
// +kubebuilder:printcolumn:name="Age",type="date",JSONPath=".metadata.creationTimestamp"
type ClusterSupplyChain struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`

	// Spec is the path.
	Spec SupplyChainSpec `json:"spec"`
	// Status says whether the path can be followed.
	// +optional
	Status SupplyChainStatus `json:"status,omitzero"`
}

// SupplyChainSpec is a path for workloads.
type SupplyChainSpec struct {
	LegacySelector `json:",inline"`
	// Resources are the steps. A step runs once the outputs that it reads are there, whatever the order in the list.
	// Either this or components.
	// +kubebuilder:validation:MaxItems=50
	// +optional
	Resources []SupplyChainResource `json:"resources,omitzero"`
	// Components are the steps in the spelling of Cartographer v0.0.6, where references name a component. Either this
	// or resources; new chains use resources.
	// +kubebuilder:validation:MaxItems=32
	// +optional
	Components []SupplyChainComponent `json:"components,omitzero"`
	// Params for the templates of all steps.
	// +optional
	Params []BlueprintParam `json:"params,omitempty"`
	// ServiceAccountRef names the account in whose name objects are stamped for workloads that name none.
	// +optional
	ServiceAccountRef ServiceAccountRef `json:"serviceAccountRef,omitzero"`
}

// SupplyChainResource is a step of a supply chain.
type SupplyChainResource struct {
	// Name of the step, by which other steps and the status refer to it.
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
	// TemplateRef names the template, or several to choose from.
	TemplateRef SupplyChainTemplateReference `json:"templateRef"`
	// Params for the templates of this step. They take the place of the chain's of the same name.
	// +optional
	Params []BlueprintParam `json:"params,omitempty"`
	// Sources are outputs of ClusterSourceTemplates to read.
	// +kubebuilder:validation:MaxItems=16
	// +optional
	Sources []ResourceReference `json:"sources,omitempty"`
	// Images are outputs of ClusterImageTemplates to read.
	// +kubebuilder:validation:MaxItems=16
	// +optional
	Images []ResourceReference `json:"images,omitempty"`
	// Configs are outputs of ClusterConfigTemplates to read.
	// +kubebuilder:validation:MaxItems=16
	// +optional
	Configs []ResourceReference `json:"configs,omitempty"`
}

// SupplyChainTemplateReference names a template, or several to choose from by the workload.
type SupplyChainTemplateReference struct {
	// Kind of the template.
	// +kubebuilder:validation:Enum=ClusterSourceTemplate;ClusterImageTemplate;ClusterTemplate;ClusterConfigTemplate
	Kind string `json:"kind"`
	// Name of the template. Either this or options.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +optional
	Name string `json:"name,omitempty"`
	// Options to choose from: exactly one must match the workload. Either this or name.
	// +kubebuilder:validation:MinItems=2
	// +kubebuilder:validation:MaxItems=16
	// +optional
	Options []TemplateOption `json:"options,omitempty"`
}

// SupplyChainComponent is a step in the spelling of Cartographer v0.0.6.
type SupplyChainComponent struct {
	// Name of the step, by which other steps and the status refer to it.
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
	// TemplateRef names the template.
	TemplateRef ComponentTemplateReference `json:"templateRef"`
	// Params for the template of this step.
	// +optional
	Params []BlueprintParam `json:"params,omitempty"`
	// Sources are outputs of ClusterSourceTemplates to read.
	// +kubebuilder:validation:MaxItems=16
	// +optional
	Sources []ComponentReference `json:"sources,omitempty"`
	// Images are outputs of ClusterImageTemplates to read.
	// +kubebuilder:validation:MaxItems=16
	// +optional
	Images []ComponentReference `json:"images,omitempty"`
	// Configs are outputs of ClusterConfigTemplates to read.
	// +kubebuilder:validation:MaxItems=16
	// +optional
	Configs []ComponentReference `json:"configs,omitempty"`
}

// ComponentTemplateReference names a template.
type ComponentTemplateReference struct {
	// Kind of the template.
	// +kubebuilder:validation:Enum=ClusterSourceTemplate;ClusterImageTemplate;ClusterTemplate;ClusterConfigTemplate
	Kind string `json:"kind"`
	// Name of the template.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
}

// ComponentReference feeds an output of one component to another.
type ComponentReference struct {
	// Name under which the template finds the input.
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
	// Component of the same chain that yields it.
	// +kubebuilder:validation:MaxLength=253
	Component string `json:"component"`
}

// SupplyChainStatus says whether a supply chain can be followed.
type SupplyChainStatus struct {
	BlueprintStatus `json:",inline"`
}

// ClusterSupplyChainList is a list of supply chains.
//
// +kubebuilder:object:root=true
type ClusterSupplyChainList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata"`
	// Items are the supply chains.
	Items []ClusterSupplyChain `json:"items"`
}
