// SPDX-License-Identifier: Apache-2.0

package admit

import (
	"rhumb.run/rhumb/api/carto/v1alpha1"
)

// Workload says what is odd about a workload. None is ever refused: its status
// tells, and the webhook is not asked, which would cost each of them a request.
func Workload(w *v1alpha1.Workload) []Problem {
	f := &finder{}
	if len(w.Labels) == 0 {
		f.warn(Path{"metadata"}, "workload [%s] has no labels: no supply chain is ever chosen for it", w.Name)
	}
	ownerParams(f, w.Spec.Params)
	return f.problems
}

// Deliverable says what is odd about a deliverable.
func Deliverable(d *v1alpha1.Deliverable) []Problem {
	f := &finder{}
	if len(d.Labels) == 0 {
		f.warn(Path{"metadata"}, "deliverable [%s] has no labels: no delivery is ever chosen for it", d.Name)
	}
	ownerParams(f, d.Spec.Params)
	return f.problems
}

// Runnable says what is odd about a runnable.
func Runnable(r *v1alpha1.Runnable) []Problem {
	f := &finder{}
	s := r.Spec.Selector
	if s == nil {
		return nil
	}
	at := spec.to("selector")
	if s.Resource.Kind == "" || s.Resource.APIVersion == "" {
		f.warn(at.to("resource"), "spec.selector.resource of runnable [%s] needs apiVersion and kind: nothing can be selected", r.Name)
	}
	if len(s.MatchingLabels) == 0 {
		f.warn(at.to("matchingLabels"), "spec.selector.matchingLabels of runnable [%s] is empty: every object of the kind is selected, and exactly one may be", r.Name)
	}
	if err := validLabels(s.MatchingLabels); err != nil {
		f.warn(at.to("matchingLabels"), "spec.selector.matchingLabels of runnable [%s] is not valid: %v", r.Name, err)
	}
	return f.problems
}

// ownerParams: of several values by one name the last is taken.
func ownerParams(f *finder, params []v1alpha1.OwnerParam) {
	seen := map[string]bool{}
	for i, p := range params {
		if seen[p.Name] {
			f.warn(spec.to("params", i), "param [%s] is given more than once: the last value is taken", p.Name)
		}
		seen[p.Name] = true
	}
}
