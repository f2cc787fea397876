// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"rhumb.run/rhumb/lab/internal/lab"
)

func statusCommand() *cobra.Command {
	w, output := &where{}, ""
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show components, addresses and disk use; exit code 0 only when healthy",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			l, err := w.layout()
			if err != nil {
				return err
			}
			overview, err := lab.Survey(cmd.Context(), l)
			if err != nil && !errors.Is(err, lab.ErrDown) {
				return err
			}
			if output == "json" {
				enc := json.NewEncoder(cmd.OutOrStdout())
				enc.SetIndent("", "  ")
				err = enc.Encode(overview)
			} else {
				err = table(cmd.OutOrStdout(), overview)
			}
			if err == nil && !overview.Healthy {
				return exit{1}
			}
			return err
		},
	}
	w.flags(cmd)
	cmd.Flags().StringVarP(&output, "output", "o", "", "json, or a table")
	return cmd
}

func table(out io.Writer, o lab.Overview) error {
	if !o.Up {
		_, err := fmt.Fprintf(out, "%s: down\n", o.DataDir)
		return err
	}
	tab := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(tab, "COMPONENT\tSTATE\tPID\tFOR\tRESTARTS")
	for _, c := range o.Components {
		fmt.Fprintf(tab, "%s\t%s\t%d\t%s\t%d\n", c.Name, c.State, c.PID, time.Since(c.Since).Round(time.Second), c.Restarts)
	}
	fmt.Fprintln(tab)
	for _, a := range o.Addresses {
		fmt.Fprintf(tab, "%s\t%s\n", a.What, a.Where)
	}
	fmt.Fprintf(tab, "data\t%s (%d MiB)\n", o.DataDir, o.DiskBytes>>20)
	if err := tab.Flush(); err != nil {
		return err
	}
	for _, p := range o.Problems {
		fmt.Fprintln(out, "problem: "+p)
	}
	if o.Healthy {
		fmt.Fprintln(out, "healthy")
	}
	return nil
}
