// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Deliverable is configuration, in git or in an image, that is to run in an environment. Its labels choose the
// ClusterDelivery that takes it there.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=dlv,categories=all
// +kubebuilder:printcolumn:name="Source",type="string",JSONPath=".spec.source['git.url','image']"
// +kubebuilder:printcolumn:name="Delivery",type="string",JSONPath=".status.deliveryRef.name"
// +kubebuilder:printcolumn:name="Ready",type="string",JSONPath=".status.conditions[?(@.type=='Ready')].status"
// +kubebuilder:printcolumn:name="Reason",type="string",JSONPath=".status.conditions[?(@.type=='Ready')].reason"
// +kubebuilder:printcolumn:name="Cause",type="string",JSONPath=".status.cause",priority=1
// +kubebuilder:printcolumn:name="Age",type="date",JSONPath=".metadata.creationTimestamp"
type Deliverable struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`

	// Spec is what is to be delivered.
	Spec DeliverableSpec `json:"spec"`
	// Status is how far it got.
	// +optional
	Status DeliverableStatus `json:"status,omitempty"`
}

// DeliverableSpec is what is to be delivered.
type DeliverableSpec struct {
	// Params for the templates of the delivery. Every one reaches the templates, declared there or not.
	// +optional
	Params []OwnerParam `json:"params,omitempty"`
	// Source is where the configuration comes from.
	// +optional
	Source *Source `json:"source,omitempty"`
	// ServiceAccountName is the account, in the deliverable's namespace, in whose name all objects of the deliverable
	// are stamped. Without it the delivery's applies, and then "default".
	// +optional
	ServiceAccountName string `json:"serviceAccountName,omitempty"`
}

// DeliverableStatus is how far a deliverable got.
type DeliverableStatus struct {
	OwnerStatus `json:",inline"`
	// DeliveryRef names the delivery that the deliverable follows: kind and name.
	// +optional
	DeliveryRef ObjectReference `json:"deliveryRef,omitempty"`
}

// DeliverableList is a list of deliverables.
//
// +kubebuilder:object:root=true
type DeliverableList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata"`
	// Items are the deliverables.
	Items []Deliverable `json:"items"`
}
