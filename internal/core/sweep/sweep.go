// SPDX-License-Identifier: Apache-2.0

// Package sweep deletes what an owner's walk leaves behind: objects that no
// step stamps any more, and runs that are kept no longer.
//
//	last status, new status, walk ─Sweep─▶ World.Delete… ─▶ events, and on record what is still there
//
// Nothing is deleted that has passed to another controller.
package sweep

import (
	"context"
	"errors"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/owner"
	"rhumb.run/rhumb/internal/core/realize"
	"rhumb.run/rhumb/internal/core/report"
)

// World is a walk's world that can also forget.
type World interface {
	realize.World
	// Recall finds an object on record that the owner controls, nil if there is none.
	// A memory that may be older than the record is not believed when it has none.
	Recall(ctx context.Context, ref v1alpha1.StampedRef, owner types.UID) (*unstructured.Unstructured, error)
	// Delete removes an object that the owner controls; false if there was none.
	Delete(ctx context.Context, ref v1alpha1.StampedRef, owner types.UID) (bool, error)
}

// Sweep deletes orphans and retired runs. What was removed is told; orphans
// that could not be deleted stay in the new status until they are. A run that
// could not be is found again by the next walk.
func Sweep(ctx context.Context, w World, o *owner.Owner, after *v1alpha1.OwnerStatus, did []realize.Realized) ([]report.Event, error) {
	s := sweeper{world: w, owner: o, did: did}
	var left []v1alpha1.StampedRef
	for _, ref := range report.Orphans(o.Status, after.Resources, did) {
		if !s.orphan(ctx, ref) {
			left = append(left, ref)
		}
	}
	after.Orphans = left
	for i := range did {
		for _, run := range did[i].Retired {
			s.remove(ctx, report.Ref(run, did[i].Live.Resource))
		}
	}
	return s.removed, s.err
}

type sweeper struct {
	world   World
	owner   *owner.Owner
	did     []realize.Realized
	removed []report.Event
	err     error
}

// orphan deletes an object that no step stamps any more, after its older runs:
// it is by this one that they are found. A run of a step that goes on is none,
// though the step did not see it: it is kept as long as the step's other runs are.
func (s *sweeper) orphan(ctx context.Context, ref v1alpha1.StampedRef) bool {
	live, err := s.world.Recall(ctx, ref, s.owner.UID)
	if err != nil {
		s.err = errors.Join(s.err, err)
		return false
	}
	if live == nil || s.goesOn(live) {
		return true
	}
	runs, err := realize.Siblings(ctx, s.world, live)
	if err != nil {
		s.err = errors.Join(s.err, err)
		return false
	}
	for _, run := range runs {
		if run.GetName() != ref.Name && !s.remove(ctx, report.Ref(run, ref.Resource)) {
			return false
		}
	}
	return s.remove(ctx, ref)
}

func (s *sweeper) goesOn(run *unstructured.Unstructured) bool {
	return slices.ContainsFunc(s.did, func(r realize.Realized) bool { return r.Made(run) })
}

func (s *sweeper) remove(ctx context.Context, ref v1alpha1.StampedRef) bool {
	removed, err := s.world.Delete(ctx, ref, s.owner.UID)
	if err != nil {
		s.err = errors.Join(s.err, err)
		return false
	}
	if removed {
		s.removed = append(s.removed, report.Removed(ref))
	}
	return true
}
