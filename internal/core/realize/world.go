// SPDX-License-Identifier: Apache-2.0

// Package realize walks a plan: it renders each step, has it applied where the
// world differs, reads what it yields and hands that to the steps after it.
//
//	plan ─▶ step ─render─▶ desired ─decide─▶ World.Apply ─▶ live ─┬─▶ health
//	          ▲                                                  └─▶ output ─┐
//	          └────────────────── outputs so far ◀───────────────────────────┘
//
// The world is a cluster, a memory or a folder: the walk is the same. It holds
// no state of its own; what it must know of the past stands on the objects and
// in the owner's status.
package realize

import (
	"context"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"rhumb.run/rhumb/internal/core/lifecycle"
	"rhumb.run/rhumb/internal/core/template"
)

// World is what a walk needs of its surroundings, seen with the rights of one owner.
type World interface {
	// Template finds a compiled template. One that does not exist is a fault.Reject.
	Template(ctx context.Context, ref template.Ref) (*template.Template, error)
	// Observe finds the live object of desired's kind, namespace and name
	// among those that were stamped. Object is nil if there is none.
	Observe(ctx context.Context, desired *unstructured.Unstructured) (Live, error)
	// Apply makes the object so. With live nil the object must not exist yet:
	// one that was not stamped by us is refused with an *OccupiedError.
	Apply(ctx context.Context, desired, live *unstructured.Unstructured) (Live, error)
	Runs
}

// Runs are what a walk needs for objects that are never changed.
type Runs interface {
	// List gives the live objects of like's kind, namespace and controller that carry
	// all of these labels, newest first, and what kubectl calls their resource.
	List(ctx context.Context, like *unstructured.Unstructured, labels map[string]string) ([]*unstructured.Unstructured, string, error)
	// Create makes an object that is never changed afterwards. If one of its name is there
	// and has the same controller, that one is given back as it is; anybody else's is
	// refused with an *OccupiedError.
	Create(ctx context.Context, desired *unstructured.Unstructured) (Live, error)
}

// Live is an object as the world has it.
type Live struct {
	Object *unstructured.Unstructured
	// Resource is <plural>.<group>, or <plural> in the core group: what kubectl takes.
	Resource string
}

// DigestAnnotation holds the digest of what was applied: it is by this that a
// restart knows that nothing is left to do.
const DigestAnnotation = lifecycle.DigestAnnotation

// AdoptAnnotation on an object that we did not stamp lets us take it over.
const AdoptAnnotation = "rhumb.run/adopt"

// OccupiedError says that an object of the wanted name belongs to somebody else.
type OccupiedError struct{ Holder string }

// Error names the holder and what to do.
func (e *OccupiedError) Error() string {
	return "the object exists and belongs to " + e.Holder +
		"; rename it in the template, delete it, or annotate it with " + AdoptAnnotation + "=true to hand it over"
}

// Holder names who holds an object: its controller, or the one who wrote it first.
func Holder(live *unstructured.Unstructured) string {
	for _, ref := range live.GetOwnerReferences() {
		if ref.Controller != nil && *ref.Controller {
			return ref.Kind + "/" + ref.Name
		}
	}
	for _, f := range live.GetManagedFields() {
		if f.Manager != "" {
			return "nobody (it was written by " + f.Manager + ")"
		}
	}
	return "nobody (it has no controller)"
}
