// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"rhumb.run/rhumb/lab/internal/lab"
)

func downCommand() *cobra.Command {
	w, del := &where{}, false
	cmd := &cobra.Command{
		Use:   "down",
		Short: "End a lab; its data stays, unless --delete",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			l, err := w.layout()
			if err != nil {
				return err
			}
			was, err := lab.Down(cmd.Context(), l)
			if err != nil {
				return err
			}
			said := "down; its data stays in " + l.Root
			if !was {
				said = "no lab is running in " + l.Root
			}
			if del {
				if err := lab.Delete(l); err != nil {
					return err
				}
				said = "down; deleted " + l.Root
			}
			fmt.Fprintln(cmd.OutOrStdout(), said)
			return nil
		},
	}
	w.flags(cmd)
	cmd.Flags().BoolVar(&del, "delete", false, "delete the data directory too")
	return cmd
}

func kubeconfigCommand() *cobra.Command {
	w, path := &where{}, false
	cmd := &cobra.Command{
		Use:   "kubeconfig",
		Short: "Print the administrator's kubeconfig",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			l, err := w.layout()
			if err != nil {
				return err
			}
			raw, err := os.ReadFile(l.Kubeconfig())
			if err != nil {
				return fmt.Errorf("no lab was started in %s ('rhumb-lab up' does): %w", l.Root, err)
			}
			if path {
				raw = []byte(l.Kubeconfig() + "\n")
			}
			_, err = cmd.OutOrStdout().Write(raw)
			return err
		},
	}
	w.flags(cmd)
	cmd.Flags().BoolVar(&path, "path", false, "print where it is instead")
	return cmd
}

func componentCommand() *cobra.Command {
	w := &where{}
	cmd := &cobra.Command{
		Use:       "component stop|start|kill NAME",
		Short:     "Stop, start or kill one component of a running lab, to see what becomes of the rest",
		Args:      cobra.ExactArgs(2),
		ValidArgs: []string{"stop", "start", "kill"},
		RunE: func(cmd *cobra.Command, args []string) error {
			l, err := w.layout()
			if err != nil {
				return err
			}
			return lab.Order(cmd.Context(), l, args[1], args[0])
		},
	}
	w.flags(cmd)
	return cmd
}
