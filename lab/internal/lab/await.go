// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"rhumb.run/rhumb/lab/internal/layout"
)

// AwaitHealthy waits for a lab that somebody else started.
func AwaitHealthy(ctx context.Context, l layout.Layout, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		report, err := Query(ctx, l)
		if errors.Is(err, ErrDown) {
			return fmt.Errorf("the lab in %s went down while it was waited for; see %s", l.Root, l.Logs())
		}
		if err == nil && len(report.Problems) == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			if err != nil {
				report.Problems = append(report.Problems, err.Error())
			}
			return fmt.Errorf("the lab in %s is running but not healthy (%s): 'rhumb-lab logs' may say why, 'rhumb-lab down' and 'up' start it anew",
				l.Root, strings.Join(report.Problems, "; "))
		case <-tick.C:
		}
	}
}
