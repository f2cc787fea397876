// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"rhumb.run/rhumb/internal/cluster"
	"rhumb.run/rhumb/internal/core/view"
)

var chainAliases = []string{"cluster-supply-chains", "clustersupplychain", "clustersupplychains", "csc"}

func newChain(io *streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "cluster-supply-chain",
		Aliases: chainAliases,
		Short:   "Show the supply chains of a cluster, and which workloads they take",
		Args:    exactly(cobra.NoArgs),
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newChainGet(io), newChainList(io))
	return cmd
}

func newChainList(io *streams) *cobra.Command {
	s := &sight{}
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List supply chains",
		Example: "  rhumb cluster-supply-chain list",
		Args:    exactly(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := s.open(cmd)
			if err != nil {
				return err
			}
			all, err := c.Chains(cmd.Context())
			if err != nil {
				return err
			}
			if len(all) == 0 {
				sayf(io.out, "No cluster supply chains found.\n")
				return nil
			}
			sayf(io.out, "%s", view.Chains(all, time.Now()))
			if !s.quiet {
				sayf(io.out, "\nTo view details: \"%s cluster-supply-chain get NAME\"\n", s.called)
			}
			return nil
		},
	}
	s.flags(cmd, false)
	return cmd
}

func newChainGet(io *streams) *cobra.Command {
	s := &sight{}
	cmd := &cobra.Command{
		Use:     "get NAME",
		Short:   "Show whether a supply chain is ready, and which workloads it takes",
		Example: "  rhumb cluster-supply-chain get source-to-url",
		Args:    exactly(cobra.ExactArgs(1)),
		ValidArgsFunction: func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return offer(cmd, s, typed, chainNames)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := s.open(cmd)
			if err != nil {
				return err
			}
			chain, err := c.Chain(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if chain == nil {
				return fmt.Errorf("cluster supply chain %q not found", args[0])
			}
			sayf(io.out, "%s", view.Chain(chain))
			return nil
		},
	}
	s.flags(cmd, false)
	return cmd
}

func chainNames(ctx context.Context, c *cluster.Cluster) ([]string, error) {
	all, err := c.Chains(ctx)
	var out []string
	for i := range all {
		out = append(out, all[i].Name)
	}
	return out, err
}
