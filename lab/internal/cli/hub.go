// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"rhumb.run/rhumb/lab/internal/hub"
)

func hubCommand() *cobra.Command {
	w, limit, pace, output := &where{}, "", "", ""
	cmd := &cobra.Command{
		Use:   "hub",
		Short: "Say what the lab's Docker Hub was asked for, and limit what it may be asked",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			l, err := w.layout()
			if err != nil {
				return err
			}
			if limit != "" {
				if err := hub.SetLimit(cmd.Context(), l.HubSocket(), limit); err != nil {
					return err
				}
			}
			if pace != "" {
				if err := hub.SetPace(cmd.Context(), l.HubSocket(), pace); err != nil {
					return err
				}
			}
			s, err := hub.Ask(cmd.Context(), l.HubSocket())
			if err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			if output == "json" {
				return json.NewEncoder(out).Encode(s)
			}
			printHub(out, s)
			return nil
		},
	}
	w.flags(cmd)
	cmd.Flags().StringVar(&limit, "limit", "", "begin anew with COUNT/WINDOW, for example 100/6h, for whoever has no password; or off")
	cmd.Flags().StringVar(&pace, "pace", "", "send blobs at so many bytes a second each, for example 2Mi, as from far away; or off")
	cmd.Flags().StringVarP(&output, "output", "o", "", "json, for programs")
	return cmd
}

// printHub says how a hub is; one that nobody asked for anything says so, since an empty answer looks like none.
func printHub(out io.Writer, s hub.State) {
	if len(s.Requests) == 0 {
		fmt.Fprintln(out, "nothing was asked")
	}
	for _, what := range slices.Sorted(maps.Keys(s.Requests)) {
		fmt.Fprintf(out, "%-16s %d\n", what, s.Requests[what])
	}
	if s.Limit.Count > 0 {
		fmt.Fprintf(out, "at most %d GETs of manifests in %s, for each address\n", s.Limit.Count, s.Limit.Window)
	}
	if s.Pace > 0 {
		fmt.Fprintf(out, "%d bytes of each blob a second\n", s.Pace)
	}
}
