// SPDX-License-Identifier: Apache-2.0

// Command rhumb-lab is a Kubernetes on one machine, in one program. Called
// kubectl, by a link of that name, it is kubectl.
package main

import (
	"os"
	"path/filepath"

	"rhumb.run/rhumb/lab/internal/cli"
	"rhumb.run/rhumb/lab/internal/component"
)

func main() {
	switch args := os.Args[1:]; {
	case filepath.Base(os.Args[0]) == "kubectl":
		os.Exit(component.Run("kubectl", args))
	case len(args) > 1 && args[0] == "exec-component":
		os.Exit(component.Run(args[1], args[2:]))
	default:
		os.Exit(cli.Main(args))
	}
}
