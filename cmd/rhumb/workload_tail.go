// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rhumb.run/rhumb/internal/cluster"
)

type tailFlags struct {
	sight
	options    cluster.TailOptions
	timestamps bool
}

func newTail(io *streams) *cobra.Command {
	f := &tailFlags{}
	cmd := &cobra.Command{
		Use:   "tail NAME",
		Short: "Follow the logs of a workload: builds, tests, and what runs",
		Long: `tail shows the lines of every container of every pod that is there for the
workload, as they come, with the pod and the container before each. Pods that
come later are followed, too. Ctrl-C ends it.`,
		Example: `  rhumb workload tail petclinic
  rhumb workload tail petclinic --since 1h --timestamp
  rhumb workload tail petclinic --component build`,
		Args:              exactly(cobra.ExactArgs(1)),
		ValidArgsFunction: f.names(false),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := f.open(cmd)
			if err != nil {
				return err
			}
			w, err := c.Workload(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if w == nil {
				return absentWorkload(c.Namespace, args[0])
			}
			return f.run(cmd.Context(), io, c, args[0])
		},
	}
	f.flags(cmd, true)
	flags := cmd.Flags()
	flags.DurationVar(&f.options.Since, "since", time.Minute, "how old the first lines may be: 1s, 2m, 3h")
	flags.BoolVarP(&f.timestamps, "timestamp", "t", false, "the time before each line")
	flags.StringVar(&f.options.Component, "component", "", "only pods with this component label, or of this step")
	return cmd
}

// run writes lines until the context ends.
func (f *tailFlags) run(ctx context.Context, io *streams, c *cluster.Cluster, name string) error {
	return c.Tail(ctx, name, f.options, lines(io, f.paint(io), f.timestamps))
}

// lines writes what containers wrote, each step in a colour of its own.
func lines(io *streams, p paint, timestamps bool) func(cluster.Line) {
	steps := map[string]int{}
	return func(l cluster.Line) {
		if _, known := steps[l.Step]; !known {
			steps[l.Step] = len(steps)
		}
		pod, container := p.nth(steps[l.Step], l.Pod), p.nth(steps[l.Step], l.Container)
		switch {
		case l.Began:
			sayf(io.err, "+ %s › %s\n", pod, container)
		case l.Trouble:
			sayf(io.err, "! %s › %s: %s\n", pod, container, strings.TrimSpace(l.Text))
		case timestamps && !l.Time.IsZero():
			sayf(io.out, "%s[%s] %s %s\n", pod, container, l.Time.Format(time.RFC3339), l.Text)
		default:
			sayf(io.out, "%s[%s] %s\n", pod, container, l.Text)
		}
	}
}

// hues are told apart on light and dark grounds.
var hues = []string{"36", "35", "32", "33", "34", "96", "95", "92", "93", "94"}

// nth colours the words of the n-th of several.
func (p paint) nth(n int, s string) string { return p.code(hues[n%len(hues)], s) }
