// SPDX-License-Identifier: Apache-2.0

package suite

import (
	"context"
	"errors"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"rhumb.run/rhumb/internal/preview"
)

// run makes the run of a Runnable.
func (r *runner) run(ctx context.Context) (*made, error) {
	if len(r.set.Runnables) != 1 {
		return nil, errors.New("a test of a run template is about one Runnable: add runnable.yaml, or set given.runnable")
	}
	if r.mock != nil || r.chain != nil {
		return nil, errors.New("a Runnable has no chain around it: take mockSupplyChain and supplyChain away")
	}
	observed, err := r.objects(r.set.Runnables[0].GetNamespace())
	if err != nil {
		return nil, err
	}
	f := preview.Run(ctx, r.set, r.set.Runnables[0], observed, r.engine)
	if f.Run.Object == nil {
		return nil, f.Failure()
	}
	return &made{objects: []*unstructured.Unstructured{preview.Plain(f.Run.Object)}, outputs: f.Outputs}, nil
}
