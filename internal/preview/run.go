// SPDX-License-Identifier: Apache-2.0

package preview

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"rhumb.run/rhumb/internal/core/render"
	"rhumb.run/rhumb/internal/core/runnable"
	"rhumb.run/rhumb/internal/memory"
	"rhumb.run/rhumb/internal/paper"
)

// Run is the run that a Runnable or Pipeline makes first, and what became of
// it. What its selector may find are the other objects of the set; what
// controllers show of the run is in observed; without a name, since runs get
// theirs from their content, it is of this run.
func Run(ctx context.Context, s *paper.Set, object runnable.Object, observed []*unstructured.Unstructured, engine render.Engine) runnable.Facts {
	w := memory.New()
	w.Engine = engine
	for _, t := range s.RunTemplates {
		w.AddTemplate(t)
	}
	for _, o := range s.Others {
		o = o.DeepCopy()
		if o.GetNamespace() == "" {
			o.SetNamespace(object.GetNamespace())
		}
		w.Put(o)
	}
	r := runnable.Of(object)
	f := runnable.Walk(ctx, w, &r, time.Unix(0, 0))
	if f.Run.Object == nil || len(observed) == 0 {
		return f
	}
	for _, o := range observed {
		o = o.DeepCopy()
		if o.GetName() == "" {
			o.SetName(f.Run.Object.GetName())
		}
		status, _ := o.Object["status"].(map[string]any)
		w.Report(o, status)
	}
	return runnable.Walk(ctx, w, &r, time.Unix(0, 0))
}
