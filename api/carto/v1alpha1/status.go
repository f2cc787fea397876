// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// OwnerStatus is what became of a Workload or Deliverable.
type OwnerStatus struct {
	// ObservedGeneration is the generation of the spec that this status speaks of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// Conditions are in the order in which things happen; the last one, Ready, sums them up.
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// Resources tells what became of each resource of the blueprint, in the blueprint's order.
	// +optional
	Resources []ResourceStatus `json:"resources,omitempty"`
	// Orphans are objects that were stamped for this owner, that no step stamps
	// any more, and that could not be deleted yet. Their deletion is tried
	// again until it succeeds.
	// +optional
	Orphans []StampedRef `json:"orphans,omitempty"`
	// Cause is why the owner is not ready, in one sentence: which object, what it says, and what would mend it. It is found
	// by following the failing object down to what failed in it. Of an owner that is ready it tells only of a stamped
	// object that says itself that it is failing, as a Deployment does whose template has no healthRule.
	// +optional
	Cause string `json:"cause,omitempty"`
}

// ResourceStatus is what became of one resource of a blueprint.
type ResourceStatus struct {
	RealizedResource `json:",inline"`
	// Conditions are ResourceSubmitted, Healthy and Ready.
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// RealizedResource says which object a resource became, of what it was made and what it yields.
type RealizedResource struct {
	// Name of the resource in the blueprint.
	Name string `json:"name"`
	// StampedRef names the object that the template became. Absent if there is none, as when an input is passed on.
	// +optional
	StampedRef *StampedRef `json:"stampedRef,omitempty"`
	// TemplateRef names the template in use: of several options, the one that was chosen.
	// +optional
	TemplateRef *corev1.ObjectReference `json:"templateRef,omitempty"`
	// Inputs name the resources whose outputs this one reads.
	// +optional
	Inputs []Input `json:"inputs,omitempty"`
	// Outputs are what later resources can read.
	// +optional
	Outputs []Output `json:"outputs,omitempty"`
	// Record ties the outputs to the input from which they came.
	// +optional
	Record *Record `json:"record,omitempty"`
}

// StampedRef names a stamped object, and how to ask kubectl for it.
type StampedRef struct {
	*corev1.ObjectReference `json:",inline"`
	// Resource is the object's type as kubectl takes it: plural.group, or the plural alone for the core group.
	// +optional
	Resource string `json:"resource,omitempty"`
}

// Input is what a resource reads.
type Input struct {
	// Name of the resource that yields it.
	Name string `json:"name"`
}

// Output is what a resource yields.
type Output struct {
	// Name is url, revision, image or config.
	Name string `json:"name"`
	// Preview is the first 1024 bytes of the value, as YAML.
	Preview string `json:"preview"`
	// Digest is sha256: and the hexadecimal digest of the whole value, as YAML.
	Digest string `json:"digest"`
	// LastTransitionTime is when the value changed last.
	LastTransitionTime metav1.Time `json:"lastTransitionTime"`
}

// Record is the proof of an output's descent: what went in, what was applied, what was read. Digests are sha256: and
// hexadecimal. Two records that agree mean that nothing has to be done again.
type Record struct {
	// InputsDigest is of the inputs and params that the template was filled with, once resolved; not of the owner itself.
	// +optional
	InputsDigest string `json:"inputsDigest,omitempty"`
	// TemplateUID tells the template from a later one of the same name.
	// +optional
	TemplateUID types.UID `json:"templateUID,omitempty"`
	// TemplateGeneration is the template's generation when it was filled.
	// +optional
	TemplateGeneration int64 `json:"templateGeneration,omitempty"`
	// AppliedDigest is of the object as it was applied.
	// +optional
	AppliedDigest string `json:"appliedDigest,omitempty"`
	// StoredDigest is of the same fields as the API server gave them back right after: it may have normalised them.
	// +optional
	StoredDigest string `json:"storedDigest,omitempty"`
	// ObservedGeneration is the generation that the object's controller had seen when the output was read.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// ReadFrom is the name of the object that the outputs were read from, where that is not the stamped one: the last that
	// succeeded, while the run of the newest inputs has not.
	// +optional
	ReadFrom string `json:"readFrom,omitempty"`
	// MadeOf is there while the outputs are of earlier inputs than the object has now: it is still at work on those, or failed
	// with them.
	// +optional
	MadeOf *MadeOf `json:"madeOf,omitempty"`
}

// MadeOf says of what outputs were made that are not of the newest inputs.
type MadeOf struct {
	// Output is the digest of the output that this is about: of revision, image or config.
	// +optional
	Output string `json:"output,omitempty"`
	// Inputs are the outputs of other resources of which it was made, direct or not.
	// +optional
	Inputs []Origin `json:"inputs,omitempty"`
}

// Origin is an output of another resource.
type Origin struct {
	// Name of the resource.
	Name string `json:"name"`
	// Digest of its revision, image or config at that time; empty if the object does not tell which of several it was.
	// +optional
	Digest string `json:"digest,omitempty"`
}
