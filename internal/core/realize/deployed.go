// SPDX-License-Identifier: Apache-2.0

package realize

import (
	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/output"
	"rhumb.run/rhumb/internal/fault"
)

// readDeployed asks the object of what is wanted now, and no earlier run: what
// an earlier one deployed is not what this step was given.
func (r *Realized) readDeployed(in inputs) error {
	out, err := r.deployed(in)
	if err == nil {
		r.Output, r.Record.ObservedGeneration = out, observed(r.Live.Object)
	}
	return err
}

// deployed yields the source that the step was given to deploy, once the
// stamped object says that it is deployed.
func (r *Realized) deployed(in inputs) (output.Output, error) {
	if err := r.Template.Deployed.Check(r.Name, r.Live.Object); err != nil {
		return nil, err
	}
	given, ok := in.deployment.(map[string]any)
	if !ok {
		// What yields it wakes us when it does.
		return nil, fault.Rejectf(v1alpha1.UnknownErrorResourcesSubmittedReason, "resource [%s]: deployment not found in upstream template", r.Name)
	}
	return output.Output{output.URL: given[output.URL], output.Revision: given[output.Revision]}, nil
}
