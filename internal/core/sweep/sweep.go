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

	"k8s.io/apimachinery/pkg/types"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/owner"
	"rhumb.run/rhumb/internal/core/realize"
	"rhumb.run/rhumb/internal/core/report"
)

// World is a walk's world that can also forget.
type World interface {
	realize.World
	// Delete removes an object that the owner controls; false if there was none.
	Delete(ctx context.Context, ref v1alpha1.StampedRef, owner types.UID) (bool, error)
}

// Sweep deletes orphans and retired runs. What was removed is told; orphans
// that could not be deleted stay in the new status until they are. A run that
// could not be is found again by the next walk.
func Sweep(ctx context.Context, w World, o *owner.Owner, after *v1alpha1.OwnerStatus, did []realize.Realized) ([]report.Event, error) {
	s := sweeper{world: w, owner: o}
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
	removed []report.Event
	err     error
}

// orphan deletes an object that no step stamps any more, after its older runs:
// it is by this one that they are found.
func (s *sweeper) orphan(ctx context.Context, ref v1alpha1.StampedRef) bool {
	runs, err := realize.Siblings(ctx, s.world, ref, s.owner.Reference())
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
