// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"rhumb.run/rhumb/lab/internal/lab"
	"rhumb.run/rhumb/lab/internal/layout"
)

// onRunning is "up" where a lab runs: it waits until that is healthy, unless it
// is another one than was asked for.
func (f *upFlags) onRunning(cmd *cobra.Command, l layout.Layout, pid int) error {
	runs, err := l.Load()
	if err != nil {
		return err
	}
	asked, err := f.beside(runs.With).settings(cmd, l)
	if err != nil {
		return err
	}
	if others := unlike(cmd, asked, runs); len(others) > 0 {
		return fmt.Errorf("a lab runs in %s already (pid %d), and was not started with %s: "+
			"run 'rhumb-lab down --data-dir %s' and start it so, or name another --data-dir", l.Root, pid, strings.Join(others, " "), l.Root)
	}
	fmt.Fprintf(cmd.OutOrStdout(), "a lab runs in %s already (pid %d)\n", l.Root, pid)
	if err := lab.AwaitHealthy(cmd.Context(), l, 2*time.Minute); err != nil {
		return err
	}
	return nextSteps(cmd.OutOrStdout(), l)
}

// beside are the flags as they mean a lab that has neighbours already: a port of
// one of those needs no --with.
func (f *upFlags) beside(with []string) *upFlags {
	all := *f
	for _, w := range with {
		if !slices.Contains(all.with, w) {
			all.with = append(slices.Clip(all.with), w)
		}
	}
	return &all
}

// unlike are the flags that were given and that a lab was not started with. What
// was not asked for may be as it is.
func unlike(cmd *cobra.Command, asked, runs layout.Settings) []string {
	if asked.APIPort == 0 { // any will do
		asked.APIPort = runs.APIPort
	}
	same := map[string]bool{
		"name":                   asked.Name == runs.Name,
		"no-node":                asked.Node == runs.Node,
		"scheduler":              asked.Scheduler == runs.Scheduler,
		"api-port":               asked.APIPort == runs.APIPort,
		"registry-port":          asked.RegistryPort == runs.RegistryPort,
		"git-port":               asked.GitPort == runs.GitPort,
		"ingress-port":           asked.IngressPort == runs.IngressPort,
		"notify":                 slices.Equal(asked.Notify, runs.Notify),
		"git-notify":             slices.Equal(asked.GitNotify, runs.GitNotify),
		"git-notify-secret-file": asked.GitSecret == runs.GitSecret,
		"with":                   within(asked.With, runs.With),
		"outside":                within(asked.Outside, runs.Outside),
		"forward":                within(asked.Forwards, runs.Forwards),
		"ephemeral":              asked.Ephemeral == runs.Ephemeral,
	}
	var out []string
	cmd.Flags().Visit(func(flag *pflag.Flag) {
		if is, ok := same[flag.Name]; ok && !is {
			out = append(out, "--"+flag.Name+"="+strings.Trim(flag.Value.String(), "[]"))
		}
	})
	return out
}

// within reports whether all of one list are in another, in whatever order.
func within[T comparable](some, all []T) bool {
	return !slices.ContainsFunc(some, func(x T) bool { return !slices.Contains(all, x) })
}
