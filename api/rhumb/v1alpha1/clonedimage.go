// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ClonedImage is one image and its copy: where it is, how it is, and who uses it. The controller makes one for each image
// that a policy is about, and deletes it with the copy; nobody has to write one. What it says can be found out again: the
// registry is what counts.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Cluster,shortName=cimg,categories=rhumb
// +kubebuilder:printcolumn:name="Origin",type="string",JSONPath=".spec.origin"
// +kubebuilder:printcolumn:name="Target",type="string",JSONPath=".spec.target"
// +kubebuilder:printcolumn:name="State",type="string",JSONPath=".status.state"
// +kubebuilder:printcolumn:name="Digest",type="string",JSONPath=".status.digest"
// +kubebuilder:printcolumn:name="Reason",type="string",JSONPath=".status.reason",priority=1
// +kubebuilder:printcolumn:name="Policy",type="string",JSONPath=".spec.policy",priority=1
// +kubebuilder:printcolumn:name="Users",type="integer",JSONPath=".status.users.count",priority=1
// +kubebuilder:printcolumn:name="Bytes",type="integer",JSONPath=".status.size",priority=1
// +kubebuilder:printcolumn:name="Age",type="date",JSONPath=".metadata.creationTimestamp"
type ClonedImage struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`

	// Spec is which image is copied where.
	Spec ClonedImageSpec `json:"spec"`
	// Status is how the copy is.
	// +optional
	Status ClonedImageStatus `json:"status,omitzero"`
}

// ClonedImageSpec is which image is copied where. It never changes: another image has another object.
//
// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="a ClonedImage is about one image and one copy: delete it, and write an ImageClonePolicy for others"
type ClonedImageSpec struct {
	// Origin is the image by its full name: docker.io/library/nginx:1.27, with its digest if it was written with one.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=600
	Origin string `json:"origin"`
	// Target is the copy as manifests name it, without a digest that is added when it is used.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=600
	Target string `json:"target"`
	// Policy is the name of the ImageClonePolicy that asked for it.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Policy string `json:"policy"`
}

// CloneState says how a copy is, in one word.
//
// +kubebuilder:validation:Enum=Pending;Copying;Ready;Failed;Drifted;Unused
type CloneState string

// How a copy is.
const (
	// StatePending: not looked at yet, or waiting for its turn.
	StatePending CloneState = "Pending"
	// StateCopying: on its way.
	StateCopying CloneState = "Copying"
	// StateReady: the copy is there and answered by its digest.
	StateReady CloneState = "Ready"
	// StateFailed: it could not be copied; it is tried again at status.nextAttempt.
	StateFailed CloneState = "Failed"
	// StateDrifted: the target's tag is not what we wrote, and is left as it is.
	StateDrifted CloneState = "Drifted"
	// StateUnused: the copy is there and nobody uses it.
	StateUnused CloneState = "Unused"
)

// RegistrySide says which of the two registries is meant.
//
// +kubebuilder:validation:Enum=Source;Target
type RegistrySide string

// Which of the two registries is meant.
const (
	SideSource RegistrySide = "Source"
	SideTarget RegistrySide = "Target"
)

// ClonedImageStatus is how a copy is.
type ClonedImageStatus struct {
	// ObservedGeneration is the generation of the spec that this status speaks of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// Conditions are SourceAvailable and Ready.
	// +listType=map
	// +listMapKey=type
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// State is how the copy is, in one word: Pending, Copying, Ready, Failed, Drifted or Unused.
	// +optional
	State CloneState `json:"state,omitempty"`
	// Reason is why it is not Ready: what one request to one registry came to.
	// +optional
	Reason string `json:"reason,omitempty"`
	// Side is which of the two registries the reason is about.
	// +optional
	Side RegistrySide `json:"side,omitempty"`
	// Message says it in a sentence, with what helps.
	// +kubebuilder:validation:MaxLength=2048
	// +optional
	Message string `json:"message,omitempty"`
	// SourceDigest is the digest that the image had in its own registry when it was last looked at.
	// +optional
	SourceDigest string `json:"sourceDigest,omitempty"`
	// Digest is what the copy has. It differs from sourceDigest if only some platforms were copied, or while a newer image
	// is on its way.
	// +optional
	Digest string `json:"digest,omitempty"`
	// Attempts counts the failures in a row.
	// +optional
	Attempts int32 `json:"attempts,omitempty"`
	// NextAttempt is when it is tried again. It is not there while nothing failed.
	// +optional
	NextAttempt *metav1.Time `json:"nextAttempt,omitempty"`
	// LastVerified is when the target last answered for the copy by its digest, as of the last change of this status.
	// +optional
	LastVerified *metav1.Time `json:"lastVerified,omitempty"`
	// UnusedSince is when the last user was gone. It is not there while there is one.
	// +optional
	UnusedSince *metav1.Time `json:"unusedSince,omitempty"`
	// Users are the workloads and pods that use the image or its copy.
	// +optional
	Users CloneUsers `json:"users,omitzero"`
	// Size is that of the copy in bytes: every platform that was copied, compressed, each layer once.
	// +optional
	Size int64 `json:"size,omitempty"`
	// Bytes counts how they came there.
	// +optional
	Bytes ByteCounts `json:"bytes,omitzero"`
}

// CloneUsers are the workloads and pods that use an image or its copy.
type CloneUsers struct {
	// Count is how many there are.
	Count int32 `json:"count"`
	// Samples are up to 5 of them: Kind namespace/name.
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=5
	// +optional
	Samples []string `json:"samples,omitempty"`
}

// ClonedImageList is a list of cloned images.
//
// +kubebuilder:object:root=true
type ClonedImageList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata"`
	// Items are the cloned images.
	Items []ClonedImage `json:"items"`
}
