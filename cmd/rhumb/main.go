// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"rhumb.run/rhumb/internal/ytt"
)

// The exit codes.
const (
	exitFound    = 1
	exitUsage    = 2
	exitNotReady = 2
	exitMute     = 3
)

func main() {
	ytt.Main() // a helper is this program too
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := run(ctx, &streams{os.Stdin, os.Stdout, os.Stderr}, os.Args)
	stop()
	os.Exit(code)
}

// cartotest is a name that this program may be called by: it is its test command then.
const cartotest = "cartotest"

// streams are what a command reads and writes.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// run is the whole program, but for leaving it.
func run(ctx context.Context, io *streams, args []string) int {
	out, err := &sink{w: io.out}, &sink{w: io.err}
	code := obey(ctx, &streams{io.in, out, err}, args)
	if lost := errors.Join(out.err, err.err); lost != nil {
		sayf(err, "writing the answer: %v\n", lost)
		return exitMute
	}
	return code
}

func obey(ctx context.Context, io *streams, args []string) int {
	root := newRoot(io, args[0]) //nolint:contextcheck // a command has its context when it is run
	root.SetArgs(args[1:])
	root.SetIn(io.in)
	root.SetOut(io.out)
	root.SetErr(io.err)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return 0
	}
	var usage *usageError
	misused := errors.As(err, &usage) || strings.HasPrefix(err.Error(), "unknown command")
	if !errors.Is(err, errFound) {
		sayf(io.err, "%s: %v\n", root.DisplayName(), err)
	}
	switch {
	case errors.As(err, new(notReady)):
		return exitNotReady
	case !misused:
		return exitFound
	}
	sayf(io.err, "Run '%s --help' for what it takes.\n", cmd.CommandPath())
	if root.Name() == cartotest {
		return exitFound // it knew no other
	}
	return exitUsage
}

// errFound says that what is wrong has been said already.
var errFound = errors.New("something is wrong")

// usageError is a command that was not understood.
type usageError struct{ error }

func usagef(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }

func newRoot(io *streams, self string) *cobra.Command {
	root := &cobra.Command{
		Use:   "rhumb",
		Short: "Workloads of a cluster; render, test and lint supply chains without one",
		Long: `rhumb creates, changes and watches workloads of a cluster. Without a cluster it
shows what a supply chain or delivery makes of an owner, runs tests of templates
and chains, and finds what is wrong in their files.`,
		Version:       version(),
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	if strings.HasPrefix(filepath.Base(self), "kubectl-") {
		root.Annotations = map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl rhumb"}
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &usageError{err} })
	root.AddCommand(newWorkload(io), newChain(io), newRender(io), newTest(io), newLint(io), newTemplates(io), newImages(io), newVersion(io))
	root.AddCommand(verbFirst(io)...)
	if filepath.Base(self) == cartotest {
		root = newTest(io)
		root.Use, root.Version = cartotest+" DIRECTORY", version()
		root.Example = "  cartotest tests/templates"
		root.SilenceErrors, root.SilenceUsage = true, true
		root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &usageError{err} })
		root.AddCommand(newTemplates(io))
	}
	return root
}

// exactly makes cobra's complaints about arguments usage errors.
func exactly(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return &usageError{err}
		}
		return nil
	}
}
