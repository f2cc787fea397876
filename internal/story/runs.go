// SPDX-License-Identifier: Apache-2.0

package story

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/go-cmp/cmp"

	"rhumb.run/rhumb/internal/core/report"
	"rhumb.run/rhumb/internal/core/runnable"
	"rhumb.run/rhumb/internal/memory"
)

// run does what the runnable's controller does, in its order.
func (s *Story) run(ctx context.Context, w *memory.World, r *runnable.Runnable, now time.Time) Walked {
	var f runnable.Facts
	if err := s.using(r.Account()); err != nil {
		f.IdentityErr = err
	} else {
		f = runnable.Walk(ctx, w, r, now)
	}
	out := Walked{Events: report.RunWritten(f), Err: f.Failure(), After: f.After}
	out.Run = report.Runnable(r, f, now)
	out.Events = append(out.Events, report.RunChanges(r, f, out.Run)...)
	return out
}

// tellRun walks the story of a runnable twice: the second time nothing may happen.
func (s *Story) tellRun(ctx context.Context) (Told, error) {
	w, r := s.world(), runnable.Of(s.Runnable)
	first := s.run(ctx, w, &r, Noon)
	raw, err := json.Marshal(first.Run)
	if err != nil {
		return nil, fmt.Errorf("encoding status: %w", err)
	}
	told, err := tell(w, raw, first, nil)
	if err != nil {
		return told, err
	}
	w.Writes = nil
	r.Status = first.Run
	again := s.run(ctx, w, &r, Again)
	return told, unmoved(w, again.Events, cmp.Diff(first.Run, again.Run))
}
