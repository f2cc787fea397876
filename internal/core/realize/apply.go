// SPDX-License-Identifier: Apache-2.0

package realize

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"rhumb.run/rhumb/internal/core/digest"
	"rhumb.run/rhumb/internal/core/drift"
	"rhumb.run/rhumb/internal/core/plan"
	"rhumb.run/rhumb/internal/fault"
)

// apply makes the world so, and writes nothing where it is so already.
func (r *Realized) apply(ctx context.Context, w World, p *plan.Plan, desired *unstructured.Unstructured) error {
	live, err := w.Observe(ctx, desired)
	if err != nil {
		return err
	}
	r.Live = live
	if live.Object != nil && !ours(p, live.Object) {
		r.Live = Live{}
		return fault.As(fault.Deny, "", fmt.Errorf("create: %w", &OccupiedError{Holder(live.Object)}))
	}
	stored := storedDigest(p, r)
	if live.Object != nil && settled(desired, live.Object, r.Record.AppliedDigest, stored) {
		r.Record.StoredDigest = stored
		r.source = live.Object
		return nil
	}
	mark(desired, r.Record.AppliedDigest)
	after, err := w.Apply(ctx, desired, live.Object)
	if err != nil {
		r.Live = Live{}
		return err
	}
	r.Written = Patched
	if live.Object == nil {
		r.Written = Created
	}
	r.Live, r.source = after, after.Object
	unmark(desired)
	if drift.Missing(desired.Object, after.Object.Object) != "" {
		// The server wrote a value in a way of its own: remember it, so as not to fight over it.
		r.Record.StoredDigest = digest.Of(drift.Project(desired.Object, after.Object.Object))
	}
	return nil
}

// settled is true if the object was applied as desired and still says so.
func settled(desired, live *unstructured.Unstructured, applied, stored string) bool {
	if live.GetAnnotations()[DigestAnnotation] != applied {
		return false
	}
	if drift.Missing(desired.Object, live.Object) == "" {
		return true
	}
	return stored != "" && stored == digest.Of(drift.Project(desired.Object, live.Object))
}

// storedDigest is what the last status remembers of the object as the server
// stored it, if it was applied with the same content.
func storedDigest(p *plan.Plan, r *Realized) string {
	for i := range p.Owner.Status.Resources {
		old := &p.Owner.Status.Resources[i]
		if old.Name == r.Name && old.Record != nil && old.Record.AppliedDigest == r.Record.AppliedDigest {
			return old.Record.StoredDigest
		}
	}
	return ""
}

func ours(p *plan.Plan, live *unstructured.Unstructured) bool {
	for _, ref := range live.GetOwnerReferences() {
		if ref.Controller != nil && *ref.Controller {
			return ref.UID == p.Owner.UID
		}
	}
	// Stamped once, then stripped of its owner by somebody: our digest is still on it.
	return live.GetAnnotations()[DigestAnnotation] != "" || live.GetAnnotations()[AdoptAnnotation] == "true"
}

func mark(desired *unstructured.Unstructured, applied string) {
	annotations := desired.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[DigestAnnotation] = applied
	desired.SetAnnotations(annotations)
}

// unmark takes the digest off again: it is not part of what it is the digest of.
func unmark(desired *unstructured.Unstructured) {
	annotations := desired.GetAnnotations()
	delete(annotations, DigestAnnotation)
	if len(annotations) == 0 {
		annotations = nil
	}
	desired.SetAnnotations(annotations)
}
