// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// Reasons of the events on a Workload, Deliverable or Runnable. An event says what changed; there is none when nothing did.
const (
	// StampedObjectAppliedReason: an object was created or changed.
	StampedObjectAppliedReason = "StampedObjectApplied"
	// StampedObjectRemovedReason: an object was deleted, since nothing asks for it any more.
	StampedObjectRemovedReason = "StampedObjectRemoved"
	// ResourceOutputChangedReason: a resource yields another output than before.
	ResourceOutputChangedReason = "ResourceOutputChanged"
	// ResourceHealthyStatusChangedReason: an object became well, or ceased to be.
	ResourceHealthyStatusChangedReason = "ResourceHealthyStatusChanged"
)
