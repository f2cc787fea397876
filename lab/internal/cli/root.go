// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/component-base/version"

	"rhumb.run/rhumb/lab/internal/layout"
)

// where says which lab a command is about.
type where struct {
	dataDir string
	name    string
}

func (w *where) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&w.dataDir, "data-dir", "", "everything the lab keeps (default $RHUMB_LAB_DIR, else $XDG_DATA_HOME/rhumb-lab or ~/.local/share/rhumb-lab)")
	cmd.Flags().StringVar(&w.name, "name", "", "name of the lab, for running several")
}

func (w *where) layout() (layout.Layout, error) {
	dir, err := w.dataDir, error(nil)
	if dir == "" {
		dir, err = layout.Default(os.Getenv, w.name)
	} else {
		dir, err = filepath.Abs(dir)
	}
	if err != nil {
		return layout.Layout{}, fmt.Errorf("choosing the data directory: %w", err)
	}
	return layout.Layout{Root: dir}, nil
}

// Main runs the command line and returns its exit code.
func Main(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// Libraries of Kubernetes add flags of their programs to every command.
	pflag.CommandLine = pflag.NewFlagSet("rhumb-lab", pflag.ContinueOnError)
	root := &cobra.Command{
		Use:           "rhumb-lab",
		Short:         "A real Kubernetes on one machine, in one program",
		Long:          "rhumb-lab runs a real Kubernetes with a registry on one machine: no Docker, no virtual machine,\nno internet. With a node it lives in namespaces of its own and leaves nothing behind.",
		Version:       "with Kubernetes " + version.Get().GitVersion,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(upCommand(), downCommand(), statusCommand(), kubeconfigCommand(), logsCommand(), componentCommand(), shellCommand(), pushCommand(), hubCommand(),
		superviseCommand(), initCommand(), insideCommand())
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	return code(err)
}

// exit is an error that carries the code of a command run for the user.
type exit struct{ code int }

func (e exit) Error() string { return fmt.Sprintf("exit status %d", e.code) }

func code(err error) int {
	if err == nil {
		return 0
	}
	if e, ok := err.(exit); ok {
		return e.code
	}
	fmt.Fprintln(os.Stderr, "rhumb-lab: "+err.Error())
	return 1
}
