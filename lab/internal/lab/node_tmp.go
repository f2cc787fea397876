// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"errors"

	"rhumb.run/rhumb/lab/internal/layout"
)

func superviseNode(ctx context.Context, l layout.Layout, s layout.Settings, emit Emit) error {
	return errors.New("node mode is not there yet")
}
func sweepNode(s layout.Settings) error                    { return nil }
func (p *plane) nodeProblems(ctx context.Context) []string { return nil }
