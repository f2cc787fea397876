// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ImageCloneCopy says what of an image is copied.
//
// +kubebuilder:validation:XValidation:rule="!has(self.sparse) || !self.sparse || (has(self.platforms) && size(self.platforms) > 0)",message="sparse needs platforms: without them every platform is copied"
type ImageCloneCopy struct {
	// Platforms that are copied, as os/architecture[/variant]; all if there are none. An image of which only some are
	// copied has another digest, unless sparse is set.
	// +listType=set
	// +kubebuilder:validation:MaxItems=20
	// +optional
	Platforms []ImagePlatform `json:"platforms,omitempty"`
	// Sparse keeps the image's digest although only some platforms are copied: the index names all of them, and those that
	// were left out are not there. Not every registry takes that.
	// +optional
	Sparse bool `json:"sparse,omitempty"`
	// Referrers copies what refers to an image too: signatures, attestations, SBOMs.
	// +kubebuilder:default=true
	// +optional
	Referrers *bool `json:"referrers,omitempty"`
	// CosignTags copies the tags sha256-….sig, .att and .sbom, in which cosign keeps the same.
	// +kubebuilder:default=true
	// +optional
	CosignTags *bool `json:"cosignTags,omitempty"`
	// NonDistributable says what to do with layers that must not be handed on, such as those of Windows. Skip leaves them
	// where they are, and nodes fetch them there; Copy copies them.
	// +kubebuilder:default=Skip
	// +optional
	NonDistributable NonDistributable `json:"nonDistributable,omitempty"`
	// TimeoutPerImage is how long one image may take, such as 30m.
	// +kubebuilder:default="30m"
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1s')",message="timeoutPerImage must be a duration of at least 1s, such as 30m"
	// +optional
	TimeoutPerImage metav1.Duration `json:"timeoutPerImage,omitzero"`
	// MaxSize is the size of an image, in bytes or as 8Gi, above which it is not copied. Without it, or with 0, there is no
	// limit. It counts what would be copied: every platform, compressed.
	// +kubebuilder:validation:XValidation:rule="!string(self).startsWith('-')",message="maxSize must not be negative: leave it out, or write 0, for no limit"
	// +optional
	MaxSize *resource.Quantity `json:"maxSize,omitempty"`
	// Overwrite lets copies take the place of what somebody else put under their tag. Without it such a tag is left, and
	// its ClonedImage is Drifted.
	// +optional
	Overwrite bool `json:"overwrite,omitempty"`
}

// ImagePlatform is os/architecture[/variant], such as linux/arm64.
//
// +kubebuilder:validation:MaxLength=64
// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]+/[a-z0-9_]+(/[a-z0-9]+)?$')",message="a platform is os/architecture[/variant], such as linux/amd64 or linux/arm/v7; leave platforms out for all"
type ImagePlatform string

// NonDistributable says what to do with layers that must not be handed on.
//
// +kubebuilder:validation:Enum=Skip;Copy
type NonDistributable string

// What to do with layers that must not be handed on.
const (
	NonDistributableSkip NonDistributable = "Skip"
	NonDistributableCopy NonDistributable = "Copy"
)

// ImageCloneRewrite says who is made to use the copies.
type ImageCloneRewrite struct {
	// Strategy is where images are rewritten, once their copies are there. Workload patches Deployments, StatefulSets,
	// DaemonSets and CronJobs, which starts their pods anew. Admission gives pods the copies when they are made, and leaves
	// what is written in Git or by an operator alone. Auto is Workload for those that no other controller owns, and
	// Admission for all other pods. Both is both, whoever owns it; None only copies.
	// +kubebuilder:default=Auto
	// +optional
	Strategy RewriteStrategy `json:"strategy,omitempty"`
	// Order says when a copy is used. TargetFirst: whenever it is there. OriginFirst: only while the image's own registry
	// does not have it; for pods as they are made also while that registry does not answer.
	// +kubebuilder:default=TargetFirst
	// +optional
	Order RewriteOrder `json:"order,omitempty"`
	// Pin adds the digest to the copies' names: name:tag@sha256:…. None leaves the tag to move. An image that was written
	// with a digest keeps it either way.
	// +kubebuilder:default=None
	// +optional
	Pin ImagePin `json:"pin,omitempty"`
	// MaxConcurrentRollouts is how many workloads may be starting anew at once because of this policy.
	// +kubebuilder:default=3
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	// +optional
	MaxConcurrentRollouts int32 `json:"maxConcurrentRollouts,omitempty"`
}

// RewriteStrategy is where images are rewritten.
//
// +kubebuilder:validation:Enum=Auto;Admission;Workload;Both;None
type RewriteStrategy string

// Where images are rewritten.
const (
	RewriteAuto      RewriteStrategy = "Auto"
	RewriteAdmission RewriteStrategy = "Admission"
	RewriteWorkload  RewriteStrategy = "Workload"
	RewriteBoth      RewriteStrategy = "Both"
	RewriteNone      RewriteStrategy = "None"
)

// RewriteOrder is which of the two registries comes first.
//
// +kubebuilder:validation:Enum=TargetFirst;OriginFirst
type RewriteOrder string

// Which of the two registries comes first.
const (
	OrderTargetFirst RewriteOrder = "TargetFirst"
	OrderOriginFirst RewriteOrder = "OriginFirst"
)

// ImagePin says what is added to a copy's name.
//
// +kubebuilder:validation:Enum=None;Digest
type ImagePin string

// What is added to a copy's name.
const (
	PinNone   ImagePin = "None"
	PinDigest ImagePin = "Digest"
)

// ImageCloneRefresh says when a tag that was copied is looked at again.
type ImageCloneRefresh struct {
	// Mode: Auto looks again at tags that pods would, too: latest, and those used with imagePullPolicy Always. Interval
	// looks at all tags, Never at none.
	// +kubebuilder:default=Auto
	// +optional
	Mode RefreshMode `json:"mode,omitempty"`
	// Interval between two looks at a tag, such as 6h: one HEAD request each, a little more or less each time.
	// +kubebuilder:default="6h"
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1m')",message="interval must be a duration of at least 1m, such as 6h"
	// +optional
	Interval metav1.Duration `json:"interval,omitzero"`
}

// RefreshMode says which tags are looked at again.
//
// +kubebuilder:validation:Enum=Auto;Interval;Never
type RefreshMode string

// Which tags are looked at again.
const (
	RefreshAuto     RefreshMode = "Auto"
	RefreshInterval RefreshMode = "Interval"
	RefreshNever    RefreshMode = "Never"
)

// ImageCloneCleanup says whether copies that nobody uses are deleted.
type ImageCloneCleanup struct {
	// Enabled deletes the tags of copies that no pod, no workload and none of the versions kept for a rollback uses.
	// +optional
	Enabled bool `json:"enabled,omitempty"`
	// Retention is how long a copy stays that nobody uses, such as 168h.
	// +kubebuilder:default="168h"
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('0s')",message="retention must be a duration that is not negative, such as 168h"
	// +optional
	Retention metav1.Duration `json:"retention,omitzero"`
}
