// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"fmt"
	"runtime"

	"rhumb.run/rhumb/lab/internal/layout"
)

// Preflight refuses a start that can't work, and says what to do about it.
func Preflight(l layout.Layout, s layout.Settings) error {
	if runtime.GOOS != "linux" {
		return fmt.Errorf("a lab needs Linux, this is %s: run it in a virtual machine, or use an existing cluster", runtime.GOOS)
	}
	return nil
}
