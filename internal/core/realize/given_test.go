// SPDX-License-Identifier: Apache-2.0

package realize_test

import (
	"testing"

	"rhumb.run/rhumb/internal/core/blueprint"
	"rhumb.run/rhumb/internal/core/output"
	"rhumb.run/rhumb/internal/core/owner"
	"rhumb.run/rhumb/internal/core/plan"
	"rhumb.run/rhumb/internal/core/realize"
)

// Whoever asks what would be, without a cluster, says what steps would yield.
func TestWalkTakesGivenOutputs(t *testing.T) {
	r := follow(t)
	o := owner.OfWorkload(r.workload)
	p := plan.Resolve(blueprint.OfSupplyChain(r.chain), &o)
	p.Given = map[string]output.Output{"image": {output.Image: "given"}}
	did := realize.Walk(t.Context(), r.w, p)
	if r.w.Find("Image", "app") == nil {
		t.Error("a step whose output is given is stamped all the same")
	}
	if got := r.w.Find("Deployment", "app").Object["spec"].(map[string]any)["image"]; got != "given" {
		t.Errorf("image = %v, want the given one", got)
	}
	if did[1].Err != nil || did[1].Output[output.Image] != "given" {
		t.Errorf("the step says %v, %v", did[1].Output, did[1].Err)
	}
	p.Steps = p.Steps[2:]
	if did = realize.Walk(t.Context(), r.w, p); did[0].Err != nil {
		t.Errorf("a step that is walked alone has no inputs: %v", did[0].Err)
	}
}
