// SPDX-License-Identifier: Apache-2.0

// Command rhumb-controller keeps software on its course: it holds every
// controller of Rhumb, of which --controllers chooses.
package main

import (
	"errors"
	"fmt"
	"os"

	ctrl "sigs.k8s.io/controller-runtime"

	"rhumb.run/rhumb/internal/ytt"
)

func main() {
	ytt.Main() // a helper is this program too
	o, err := parse(os.Args[1:], os.Stderr)
	if errors.Is(err, errHelp) {
		return
	}
	if err == nil {
		err = run(ctrl.SetupSignalHandler(), o)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "rhumb-controller:", err)
		os.Exit(1)
	}
}
