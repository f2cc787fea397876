// SPDX-License-Identifier: Apache-2.0

package realize

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/output"
	"rhumb.run/rhumb/internal/core/owner"
	"rhumb.run/rhumb/internal/core/plan"
)

// A step that reads a commit, and what was tested of an earlier one, is of the earlier one: whichever it names first.
func TestBeforeInAnyOrder(t *testing.T) {
	resource := func(name string, inputs ...string) v1alpha1.ResourceStatus {
		r := v1alpha1.ResourceStatus{RealizedResource: v1alpha1.RealizedResource{
			Name:       name,
			StampedRef: &v1alpha1.StampedRef{ObjectReference: &corev1.ObjectReference{Kind: "Test", Name: name}},
			Outputs:    []v1alpha1.Output{{Name: output.Telling[0], Digest: "of " + name}},
		}}
		for _, in := range inputs {
			r.Inputs = append(r.Inputs, v1alpha1.Input{Name: in})
		}
		return r
	}
	for _, inputs := range [][]string{{"source", "tested"}, {"tested", "source"}} {
		tested, reader := resource("tested", "source"), resource("reader", inputs...)
		tested.Record = &v1alpha1.Record{MadeOf: &v1alpha1.MadeOf{Inputs: []v1alpha1.Origin{{Name: "source", Digest: "of an earlier commit"}}}}
		o := &owner.Owner{Status: v1alpha1.OwnerStatus{Resources: []v1alpha1.ResourceStatus{resource("source"), tested, reader}}}
		d := &descent{p: &plan.Plan{Owner: o}}
		want := lineage{"source": "of an earlier commit", "tested": "of tested"}
		if diff := cmp.Diff(want, d.before(d.last("reader"))); diff != "" {
			t.Errorf("%v:\n%s", inputs, diff)
		}
	}
}
