// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// Annotations of objects whose images were rewritten, or left for a reason. They
// stand on the object itself, never on the template of its pods: a word about a
// rewrite must not make pods start anew.
const (
	// OriginalImagesAnnotation is a JSON object: the name of a container, with "init:", "ephemeral:" or "volume:" in front
	// where it is one of those, and the image as it was written before. What stands here can be restored.
	OriginalImagesAnnotation = "rhumb.run/original-images"
	// ImageClonePolicyAnnotation is the name of the policy that the images were rewritten by.
	ImageClonePolicyAnnotation = "rhumb.run/image-clone-policy"
	// ImageCloneTargetAnnotation names the targets under which the copies are, with commas between: they are known for copies
	// although the policy has another target now, or is gone.
	ImageCloneTargetAnnotation = "rhumb.run/image-clone-target"
	// ImageCloneReasonAnnotation says why an image was left as it was written: "Reason: words".
	ImageCloneReasonAnnotation = "rhumb.run/image-clone-reason"
)

// EnvironmentPolicy is the name of the policy that is made of environment variables. No object has it: it is for
// annotations and metrics.
const EnvironmentPolicy = "env"
