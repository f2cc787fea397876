// SPDX-License-Identifier: Apache-2.0

package story

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/go-cmp/cmp"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/blueprint"
	"rhumb.run/rhumb/internal/core/owner"
	"rhumb.run/rhumb/internal/core/plan"
	"rhumb.run/rhumb/internal/core/realize"
	"rhumb.run/rhumb/internal/core/report"
	"rhumb.run/rhumb/internal/core/sweep"
	"rhumb.run/rhumb/internal/memory"
)

// Noon is when every story happens; Later is when it is walked again. That of a
// runnable, for which time matters, is walked Again at once.
var (
	Noon  = time.Date(2024, 1, 1, 12, 0, 0, 0, time.UTC)
	Later = Noon.Add(time.Hour)
	Again = Noon.Add(time.Millisecond)
)

// Walked is what one walk came to.
type Walked struct {
	Blueprint string
	Status    v1alpha1.OwnerStatus
	// Run is the status of a runnable, in the place of the other.
	Run    v1alpha1.RunnableStatus
	Events []report.Event
	Err    error
	// After is when to look again even if nothing happens.
	After time.Duration
}

// Tell walks the story twice. The error says that the second walk, which had
// nothing to do, did something.
func (s *Story) Tell(ctx context.Context) (Told, error) {
	if s.Runnable != nil {
		return s.tellRun(ctx)
	}
	w := s.world()
	o := owner.Of(s.Owner)
	first := s.walk(ctx, w, o, Noon)
	raw, err := json.Marshal(first.Status)
	if err != nil {
		return nil, fmt.Errorf("encoding status: %w", err)
	}
	told, err := tell(w, raw, first, o.Words)
	if err == nil {
		err = s.tellBlueprints(w, told)
	}
	if err != nil {
		return told, err
	}
	w.Writes = nil
	o.Status, o.Blueprint = first.Status, first.Blueprint
	again := s.walk(ctx, w, o, Later)
	return told, unmoved(w, again.Events, cmp.Diff(first.Status, again.Status))
}

// unmoved is an error if a second walk, before which nothing had changed, did something.
func unmoved(w *memory.World, events []report.Event, diff string) error {
	switch {
	case len(w.Writes) > 0:
		return fmt.Errorf("walked again, nothing having changed, it wrote %v", w.Writes)
	case len(events) > 0:
		return fmt.Errorf("walked again, nothing having changed, it told %v", events)
	case diff != "":
		return fmt.Errorf("walked again, nothing having changed, its status changed:\n%s", diff)
	}
	return nil
}

func (s *Story) world() *memory.World {
	w := memory.New()
	w.Before = s.before
	w.Engine = s.Engine
	for _, t := range s.Templates {
		w.AddTemplate(t)
	}
	for _, o := range s.Objects {
		w.Put(o)
	}
	for _, r := range s.Reports {
		status, _ := r.Object["status"].(map[string]any)
		w.Report(r, status)
	}
	return w
}

// walk does what the owner's controller does, in its order.
func (s *Story) walk(ctx context.Context, w *memory.World, o owner.Owner, now time.Time) Walked {
	out := Walked{Blueprint: o.Blueprint}
	var facts report.Facts
	b, err := blueprint.Choose(&o, s.compiled(w, o.BlueprintKind))
	if b != nil {
		out.Blueprint, facts.Blueprint, facts.Account = b.Name, b.Name, blueprint.Account(&o, b)
	}
	facts.BlueprintErr = err
	if err == nil {
		facts.IdentityErr = s.using(facts.Account)
	}
	if err == nil && facts.IdentityErr == nil {
		facts.Walked, facts.Realized = true, realize.Walk(ctx, w, plan.Resolve(b, &o))
	}
	out.Status = report.Status(&o, facts, now)
	out.Events = report.Written(facts.Realized)
	var pruneErr error
	if facts.Walked {
		var removed []report.Event
		removed, pruneErr = sweep.Sweep(ctx, w, &o, &out.Status, facts.Realized)
		out.Events = append(out.Events, removed...)
	}
	out.Events = append(out.Events, report.Changes(o.Status, out.Status)...)
	errs := []error{facts.BlueprintErr, facts.IdentityErr, pruneErr}
	for i := range facts.Realized {
		errs = append(errs, facts.Realized[i].Err)
	}
	out.Err = errors.Join(errs...)
	return out
}
