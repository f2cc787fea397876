// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// Condition types and reasons, as a tree. Status is API: a word that stands here never changes.
//
//	ImageRepository
//	├── ImageResolved       is it known which digest the image has now
//	├── ArtifactAvailable   can its files be fetched
//	└── Ready               both
const (
	// ImageResolvedCondition is True if the registry said which digest the image has.
	ImageResolvedCondition = "ImageResolved"
	// ArtifactAvailableCondition is True if the image's files can be fetched from the artifact's URL.
	ArtifactAvailableCondition = "ArtifactAvailable"
	// ReadyCondition sums up: it is the last one.
	ReadyCondition = "Ready"
)

// Reasons while all is well, or nothing is known yet.
const (
	// InitializingReason: not looked at yet. Unknown.
	InitializingReason = "Initializing"
	// ResolvedReason: the digest is known. True, on ImageResolved.
	ResolvedReason = "Resolved"
	// AvailableReason: the files can be fetched. True, on ArtifactAvailable.
	AvailableReason = "Available"
	// ReadyReason: both. True, on Ready.
	ReadyReason = "Ready"
)

// Reasons why an image cannot be resolved. All are False.
const (
	// RemoteErrorReason: the registry, or the way to it, failed in a way that has no reason of its own.
	RemoteErrorReason = "RemoteError"
	// UnreachableReason: nobody answered at the registry's address.
	UnreachableReason = "Unreachable"
	// UnauthorizedReason: the registry wants credentials, or refused those that it got.
	UnauthorizedReason = "Unauthorized"
	// NotFoundReason: the registry has no such repository or tag.
	NotFoundReason = "NotFound"
	// ThrottledReason: the registry asked for fewer requests.
	ThrottledReason = "Throttled"
	// DigestMismatchReason: what the registry sent is not what its digest says.
	DigestMismatchReason = "DigestMismatch"
	// InvalidImageReferenceReason: spec.image is not an image reference.
	InvalidImageReferenceReason = "InvalidImageReference"
	// SecretNotFoundReason: a pull secret that the spec names is not there.
	SecretNotFoundReason = "SecretNotFound"
)
