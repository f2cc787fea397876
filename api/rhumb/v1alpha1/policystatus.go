// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ImageClonePolicyStatus is what became of a policy.
type ImageClonePolicyStatus struct {
	// ObservedGeneration is the generation of the spec that this status speaks of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// Conditions are TargetReachable, RewriteContested, CleanupSupported if cleanup is enabled, and Ready.
	// +listType=map
	// +listMapKey=type
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// Images counts the images that the policy is about.
	// +optional
	Images ImageCounts `json:"images,omitzero"`
	// Bytes counts what the copies that are there now took to make.
	// +optional
	Bytes ByteCounts `json:"bytes,omitzero"`
	// Planned is what a policy with dryRun would rewrite, the first 50 by name.
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=50
	// +optional
	Planned []PlannedRewrite `json:"planned,omitempty"`
	// Contested are the workloads that are left alone because somebody put their original images back again and again, the
	// first 20 by name.
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=20
	// +optional
	Contested []ContestedWorkload `json:"contested,omitempty"`
	// Left are the workloads whose templates keep their originals although the copies are there, the first 20 by name.
	// Admission may give their pods the copies.
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=20
	// +optional
	Left []LeftWorkload `json:"left,omitempty"`
	// OverruledBy are the policies that took images which this one matches, too.
	// +listType=set
	// +kubebuilder:validation:MaxItems=20
	// +optional
	OverruledBy []string `json:"overruledBy,omitempty"`
}

// ImageCounts counts images by how their copies are.
type ImageCounts struct {
	// Desired are those that somebody uses and that this policy decides about.
	Desired int32 `json:"desired"`
	// Ready are those whose copy is there.
	Ready int32 `json:"ready"`
	// Failed are those that could not be copied, or whose tag is somebody else's: Failed and Drifted.
	Failed int32 `json:"failed"`
	// Pending are those that wait or are on their way: Pending and Copying.
	Pending int32 `json:"pending"`
	// Unused are copies that nobody uses, beside the desired ones.
	// +optional
	Unused int32 `json:"unused,omitempty"`
	// Overruled are images that this policy matches and another decides about, beside the desired ones.
	// +optional
	Overruled int32 `json:"overruled,omitempty"`
}

// ByteCounts counts the bytes of images by how they came to the target.
type ByteCounts struct {
	// Copied came from the images' own registries.
	Copied int64 `json:"copied"`
	// Mounted were at the target already, under another repository.
	Mounted int64 `json:"mounted"`
	// Skipped were there already, under the same repository.
	Skipped int64 `json:"skipped"`
}

// PlannedRewrite is an image that would be rewritten.
type PlannedRewrite struct {
	// Object is the workload or pod: Kind namespace/name.
	Object string `json:"object"`
	// Container is the name of the container, with "init:", "ephemeral:" or "volume:" in front where it is one of those.
	Container string `json:"container"`
	// From is the image as it is written.
	From string `json:"from"`
	// To is the copy.
	To string `json:"to"`
}

// ContestedWorkload is one whose original images somebody puts back.
type ContestedWorkload struct {
	// Object is the workload: Kind namespace/name.
	Object string `json:"object"`
	// Manager is the field manager that wrote the original image last.
	// +optional
	Manager string `json:"manager,omitempty"`
	// Since is when it was given up.
	// +optional
	Since metav1.Time `json:"since,omitzero"`
}

// LeftWorkload is one that is left as it is.
type LeftWorkload struct {
	// Object is the workload: Kind namespace/name.
	Object string `json:"object"`
	// Reason is Owned: another controller owns it.
	Reason string `json:"reason"`
	// Message names that controller's object.
	// +optional
	Message string `json:"message,omitempty"`
}
