// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// Condition types, as a tree. Status is API: a word that stands here never changes.
//
//	ImageClonePolicy
//	├── TargetReachable     does the target take what we push
//	├── RewriteContested    does somebody put the originals back
//	├── CleanupSupported    can copies that nobody uses be deleted there
//	└── Ready               is every image that somebody uses at the target
//
//	ClonedImage
//	├── SourceAvailable     does the image's own registry still have it
//	└── Ready               is the copy there, and may pods use it
const (
	// ReadyCondition sums up: it is the last one.
	ReadyCondition = "Ready"
)

// Conditions of an ImageClonePolicy alone.
const (
	// TargetReachableCondition is True if the target registry answered when it was last asked.
	TargetReachableCondition = "TargetReachable"
	// RewriteContestedCondition is True while somebody puts original images back as often as we take copies.
	RewriteContestedCondition = "RewriteContested"
	// CleanupSupportedCondition is False if the target does not delete tags. It is there with spec.cleanup.enabled only.
	CleanupSupportedCondition = "CleanupSupported"
	// PullSecretInjectedCondition is False if the pull secret is not where it is needed. It is there with
	// spec.target.pull.inject only.
	PullSecretInjectedCondition = "PullSecretInjected"
)

// Conditions of a ClonedImage alone.
const (
	// SourceAvailableCondition is False once the image's own registry says that it has the image no more.
	SourceAvailableCondition = "SourceAvailable"
)

// Reasons while all is well, or nothing is known yet, on either kind.
const (
	// InitializingReason: not looked at yet. Unknown.
	InitializingReason = "Initializing"
	// ReadyReason: there is nothing left to do. True, on Ready.
	ReadyReason = "Ready"
	// PendingReason: copies are waited for. Unknown, on Ready.
	PendingReason = "Pending"
	// DryRunReason: the policy only says what it would do. Unknown, on Ready.
	DryRunReason = "DryRun"
)

// Reasons on a policy's conditions.
const (
	// InvalidPolicyReason: the spec cannot be followed; the message names the field. False, on Ready.
	InvalidPolicyReason = "InvalidPolicy"
	// ImagesFailedReason: some images could not be copied; their ClonedImages say why. False, on Ready.
	ImagesFailedReason = "ImagesFailed"
	// TargetUnreachableReason: TargetReachable is False. False, on Ready.
	TargetUnreachableReason = "TargetUnreachable"
	// ReachableReason: the target answered. True, on TargetReachable.
	ReachableReason = "Reachable"
	// RevertedReason: originals were put back three times in ten minutes. True, on RewriteContested.
	RevertedReason = "Reverted"
	// UncontestedReason: nobody puts originals back. False, on RewriteContested.
	UncontestedReason = "Uncontested"
	// SupportedReason: the target deleted a tag when it was asked to. True, on CleanupSupported.
	SupportedReason = "Supported"
	// DeleteRefusedReason: the target does not delete tags. False, on CleanupSupported.
	DeleteRefusedReason = "DeleteRefused"
	// InjectedReason: the pull secret is where it is needed. True, on PullSecretInjected.
	InjectedReason = "Injected"
	// InjectionForbiddenReason: the controller may not write Secrets of a namespace. False, on PullSecretInjected.
	InjectionForbiddenReason = "InjectionForbidden"
	// SecretNotOursReason: somebody else's Secret has the pull secret's name. False, on PullSecretInjected.
	SecretNotOursReason = "SecretNotOurs"
)

// Reasons on a cloned image's conditions, and in status.reason, while it is not failing.
const (
	// CopyingReason: on its way. Unknown, on Ready.
	CopyingReason = "Copying"
	// DriftedReason: the target's tag was moved by somebody else. False, on Ready.
	DriftedReason = "Drifted"
	// AvailableReason: the image's own registry has it. True, on SourceAvailable.
	AvailableReason = "Available"
)

// Reasons why an image could not be copied: what one request to one registry came to. All are False.
const (
	// SourceNotFoundReason: the image's own registry has no such repository, tag or digest.
	SourceNotFoundReason = "SourceNotFound"
	// UnauthorizedReason: a registry wants credentials, or refused those that it got. status.side says which registry.
	UnauthorizedReason = "Unauthorized"
	// QuotaExceededReason: a registry asked for fewer requests. The message says until when it is left alone.
	QuotaExceededReason = "QuotaExceeded"
	// UnreachableReason: nobody answered at a registry's address.
	UnreachableReason = "Unreachable"
	// PushRejectedReason: the target refused what was pushed; the message has its words.
	PushRejectedReason = "PushRejected"
	// DigestMismatchReason: what a registry sent is not what its digest says.
	DigestMismatchReason = "DigestMismatch"
	// UnsupportedReason: the image, or what the target would have to do with it, is of a sort that cannot be copied.
	UnsupportedReason = "Unsupported"
	// TooLargeReason: the image is larger than spec.copy.maxSize.
	TooLargeReason = "TooLarge"
	// TimedOutReason: the copy took longer than spec.copy.timeoutPerImage.
	TimedOutReason = "TimedOut"
	// InvalidImageReferenceReason: what stands in the pod is not an image reference.
	InvalidImageReferenceReason = "InvalidImageReference"
	// RemoteErrorReason: a registry, or the way to it, failed in a way that has no reason of its own.
	RemoteErrorReason = "RemoteError"
)

// Reasons about credentials, on a policy and on its cloned images. All are False.
const (
	// SecretNotFoundReason: a Secret that the policy names is not in Rhumb's namespace.
	SecretNotFoundReason = "SecretNotFound"
	// SecretInvalidReason: it is there and holds nothing that may be used.
	SecretInvalidReason = "SecretInvalid"
)
