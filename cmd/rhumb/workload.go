// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"
)

// notReady says that a command did what it was asked to, and that the workload
// is not ready, or would differ, which was asked as well.
type notReady struct{ error }

func (e notReady) Unwrap() error { return e.error }

var verbs = map[string]func(*streams) *cobra.Command{
	"apply": newApply, "create": newCreate, "get": newGet, "list": newList, "delete": newDelete, "tail": newTail,
}

func newWorkload(io *streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "workload",
		Aliases: []string{"workloads", "wld"},
		Short:   "Create, change, watch and delete workloads of a cluster",
		Long: `workload is for developers: what runs, from which source, how far it is and why
not further. Flags and what is printed are those of 'tanzu apps workload'.

Each verb may come first, too: rhumb get workload NAME.`,
		Args: exactly(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	for _, verb := range []string{"apply", "create", "delete", "get", "list", "tail"} {
		cmd.AddCommand(verbs[verb](io))
	}
	return cmd
}

// verbFirst is rhumb get workload NAME and its like, for those who are used to kubectl.
func verbFirst(io *streams) []*cobra.Command {
	var out []*cobra.Command
	for _, verb := range []string{"apply", "create", "delete", "get", "list", "tail"} {
		parent := &cobra.Command{
			Use: verb, Short: verb + " workloads", Hidden: true,
			Args: exactly(cobra.NoArgs),
			RunE: func(*cobra.Command, []string) error { return usagef("%s what? Type: %s workload", verb, verb) },
		}
		noun := verbs[verb](io)
		noun.Use = "workload" + noun.Use[len(verb):]
		noun.Aliases = []string{"workloads", "wld"}
		parent.AddCommand(noun)
		if verb == "get" || verb == "list" {
			chain := map[string]func(*streams) *cobra.Command{"get": newChainGet, "list": newChainList}[verb](io)
			chain.Use = "cluster-supply-chain" + chain.Use[len(verb):]
			chain.Aliases = chainAliases
			parent.AddCommand(chain)
		}
		out = append(out, parent)
	}
	return out
}

// oneOf refuses a value that a flag does not take.
func oneOf(flag, value string, allowed ...string) error {
	if value == "" || slices.Contains(allowed, value) {
		return nil
	}
	return usagef("%s is one of %v, not %q", flag, allowed, value)
}

// absentWorkload is what is said of one that is not there.
func absentWorkload(namespace, name string) error {
	return fmt.Errorf("workload %q not found", namespace+"/"+name)
}
