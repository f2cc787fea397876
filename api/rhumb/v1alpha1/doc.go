// SPDX-License-Identifier: Apache-2.0

// Package v1alpha1 holds the kinds of the group rhumb.run: what Rhumb does that
// no API had a name for.
//
//	ImageClonePolicy ─▶ which images are copied to which registry, and who uses the copies
//	     └─ makes ─▶ ClonedImage: one image, one copy: where it is, how it is, who uses it
//
// The package holds no behaviour; the comments are what `kubectl explain` prints.
//
// +kubebuilder:object:generate=true
// +groupName=rhumb.run
package v1alpha1
