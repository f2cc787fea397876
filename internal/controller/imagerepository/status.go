// SPDX-License-Identifier: Apache-2.0

package imagerepository

import (
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"rhumb.run/rhumb/api/source/v1alpha1"
	"rhumb.run/rhumb/internal/core/image"
)

const maxMessage = 4096

// facts are all that a status is made of.
type facts struct {
	generation int64
	image      string    // as the spec has it
	ref        image.Ref // zero if the image is no reference
	seen       image.Seen
	failure    *image.Failure // before anything could be seen
	trouble    *image.Failure // met when the newest digest's tarball was made
	url        func(digest string) (url, path string)
}

// report makes the status of an object from the one before and the facts.
func report(before v1alpha1.ImageRepositoryStatus, f facts, now time.Time) v1alpha1.ImageRepositoryStatus {
	failure := f.failure
	if failure == nil {
		failure = f.seen.Failure
	}
	if failure == nil && f.seen.Pending() {
		return waiting(before, f, now)
	}
	after := *before.DeepCopy()
	after.ObservedGeneration = f.generation
	after.Artifact = artifact(before.Artifact, f, now)
	after.URL = ""
	if after.Artifact != nil {
		after.URL = after.Artifact.URL
	}
	available := metav1.Condition{Status: metav1.ConditionUnknown, Reason: v1alpha1.InitializingReason}
	if after.Artifact != nil {
		available = metav1.Condition{Status: metav1.ConditionTrue, Reason: v1alpha1.AvailableReason}
	}
	resolved := metav1.Condition{Status: metav1.ConditionTrue, Reason: v1alpha1.ResolvedReason}
	ready := metav1.Condition{Status: metav1.ConditionTrue, Reason: v1alpha1.ReadyReason}
	if f.trouble != nil && after.Artifact != nil {
		available = failed("unable to serve the files of image", f.image, f.trouble)
		// Without files an image is still an image; with forged ones it is none.
		if f.trouble.Reason == image.ReasonDigestMismatch {
			ready = available
		}
	}
	if failure != nil {
		resolved = failed("unable to resolve image", f.image, failure)
		ready = resolved
	}
	after.Conditions = conditions(before.Conditions, f.generation, now, available, resolved, ready)
	return after
}

// waiting is the status until the first poll has ended: what was known stays, and belongs to the generation that it names.
func waiting(before v1alpha1.ImageRepositoryStatus, f facts, now time.Time) v1alpha1.ImageRepositoryStatus {
	if len(before.Conditions) > 0 {
		return before
	}
	unknown := metav1.Condition{Status: metav1.ConditionUnknown, Reason: v1alpha1.InitializingReason}
	after := *before.DeepCopy()
	after.ObservedGeneration = f.generation
	after.Conditions = conditions(nil, f.generation, now, unknown, unknown, unknown)
	return after
}

// artifact is the newest that is known of the image that the spec names. That of another image is dropped: whoever reads it
// would take it for the answer to the new spec.
func artifact(before *v1alpha1.Artifact, f facts, now time.Time) *v1alpha1.Artifact {
	if f.ref.Name == "" {
		return nil
	}
	if f.seen.Digest == "" {
		if before != nil && f.ref.Names(before.Revision) {
			return before.DeepCopy()
		}
		return nil
	}
	url, path := f.url(f.seen.Digest)
	a := &v1alpha1.Artifact{
		URL: url, Path: path, Revision: f.ref.Revision(f.seen.Digest), Checksum: f.seen.Digest,
		LastUpdateTime: metav1.NewTime(now.UTC().Truncate(time.Second)),
	}
	if before != nil && before.Revision == a.Revision {
		a.LastUpdateTime = before.LastUpdateTime
	}
	return a
}

func failed(what, name string, f *image.Failure) metav1.Condition {
	return metav1.Condition{
		Status: metav1.ConditionFalse, Reason: f.Reason,
		Message: image.Bound(fmt.Sprintf("%s %q: %s", what, image.Bound(name, 512), strings.TrimPrefix(f.Error(), ": ")), maxMessage),
	}
}

// conditions are the three in their order; the time of each moves with its status only.
func conditions(before []metav1.Condition, generation int64, now time.Time, available, resolved, ready metav1.Condition) []metav1.Condition {
	available.Type, resolved.Type, ready.Type = v1alpha1.ArtifactAvailableCondition, v1alpha1.ImageResolvedCondition, v1alpha1.ReadyCondition
	out := []metav1.Condition{available, resolved, ready}
	for i := range out {
		c := &out[i]
		c.ObservedGeneration = generation
		c.LastTransitionTime = metav1.NewTime(now.UTC().Truncate(time.Second))
		if old := meta.FindStatusCondition(before, c.Type); old != nil && old.Status == c.Status {
			c.LastTransitionTime = old.LastTransitionTime
		}
	}
	return out
}

// newFailure is the condition that says why there is no image, if the status before did not give that reason: words that
// differ from one try to the next are no news.
func newFailure(before, after v1alpha1.ImageRepositoryStatus) *metav1.Condition {
	is, was := meta.FindStatusCondition(after.Conditions, v1alpha1.ReadyCondition), meta.FindStatusCondition(before.Conditions, v1alpha1.ReadyCondition)
	if is == nil || is.Status != metav1.ConditionFalse || was != nil && was.Status == is.Status && was.Reason == is.Reason {
		return nil
	}
	return is
}

// known is the digest that a status shows, if it is the right one for this generation and nothing is wrong with it.
func known(o *v1alpha1.ImageRepository, ref image.Ref) string {
	s := o.Status
	if s.ObservedGeneration != o.Generation || s.Artifact == nil || !ref.Names(s.Artifact.Revision) ||
		!meta.IsStatusConditionTrue(s.Conditions, v1alpha1.ReadyCondition) {
		return ""
	}
	return image.DigestOf(s.Artifact.Revision)
}
