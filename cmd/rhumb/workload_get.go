// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rhumb.run/rhumb/internal/cluster"
	"rhumb.run/rhumb/internal/core/draft"
	"rhumb.run/rhumb/internal/core/view"
)

type getFlags struct {
	sight
	form                    string
	export, watch, exitCode bool
}

func newGet(io *streams) *cobra.Command {
	f := &getFlags{}
	cmd := &cobra.Command{
		Use:   "get NAME",
		Short: "Show a workload: its steps, what they made, what keeps them and why",
		Example: `  rhumb workload get petclinic
  rhumb workload get petclinic --watch
  rhumb workload get petclinic --export > workload.yaml

  # in a script: 2 as long as it is not ready
  rhumb workload get petclinic --exit-code -q`,
		Args:              exactly(cobra.ExactArgs(1)),
		ValidArgsFunction: f.names(false),
		RunE:              func(cmd *cobra.Command, args []string) error { return f.run(cmd, io, args[0]) },
	}
	f.flags(cmd, true)
	flags := cmd.Flags()
	flags.StringVarP(&f.form, "output", "o", "", "the object itself: yaml, json or name")
	flags.BoolVarP(&f.export, "export", "e", false, "only what its developer wrote, as YAML or what -o says")
	flags.BoolVarP(&f.watch, "watch", "w", false, "show it again whenever it changes")
	flags.BoolVar(&f.exitCode, "exit-code", false, "leave with 2 if it is not ready")
	return cmd
}

func (f *getFlags) run(cmd *cobra.Command, io *streams, name string) error {
	if err := oneOf("-o", f.form, objectForms...); err != nil {
		return err
	}
	if f.watch && (f.export || f.form != "") {
		return usagef("--watch shows the sections: it goes with neither --export nor -o")
	}
	c, err := f.open(cmd)
	if err != nil {
		return err
	}
	if f.watch {
		return f.follow(cmd.Context(), io, c, name)
	}
	if f.export || f.form != "" {
		return f.object(cmd.Context(), io, c, name)
	}
	facts, err := c.Facts(cmd.Context(), name)
	if err != nil {
		return err
	}
	if facts == nil {
		return absentWorkload(c.Namespace, name)
	}
	sayf(io.out, "%s", f.text(io, c, facts, time.Now()))
	return f.verdict(facts)
}

func (f *getFlags) text(io *streams, c *cluster.Cluster, facts *view.Facts, now time.Time) string {
	return view.Text(facts, now, f.style(io, "To see logs: "+f.logsHint(c, facts.Workload.Name)))
}

// verdict is an error only if a script asked for it.
func (f *getFlags) verdict(facts *view.Facts) error {
	if f.exitCode && view.Judge(facts.Workload) != view.IsReady {
		return notReady{errFound} // all is said already
	}
	return nil
}

func (f *getFlags) object(ctx context.Context, io *streams, c *cluster.Cluster, name string) error {
	if f.export {
		w, err := c.Workload(ctx, name)
		if err != nil {
			return err
		}
		if w == nil {
			return absentWorkload(c.Namespace, name)
		}
		object, err := draft.Written(w)
		if err != nil {
			return err
		}
		return printObject(io.out, f.form, object)
	}
	u, err := c.Raw(ctx, name)
	if err != nil {
		return err
	}
	if u == nil {
		return absentWorkload(c.Namespace, name)
	}
	u.SetManagedFields(nil)
	return printObject(io.out, f.form, u.Object)
}

// follow shows the workload again whenever what is shown changed. Ages alone
// are no change.
func (f *getFlags) follow(ctx context.Context, io *streams, c *cluster.Cluster, name string) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	news := make(chan struct{}, 1)
	go func() {
		cancel(c.Changes(ctx, name, func() {
			select {
			case news <- struct{}{}:
			default:
			}
		}))
	}()
	began, before, first := time.Now(), "", true
	for {
		facts, err := c.Facts(ctx, name)
		switch {
		case ctx.Err() != nil:
			return ended(ctx)
		case err != nil:
			return err
		case facts == nil:
			return absentWorkload(c.Namespace, name)
		}
		if now := f.text(io, c, facts, began); now != before {
			draw(io, f.text(io, c, facts, time.Now()), first, onTerminal(io.out))
			before, first = now, false
		}
		select {
		case <-ctx.Done():
			return ended(ctx)
		case <-news:
		}
	}
}

// ended is why a context ended, unless somebody only pressed Ctrl-C.
func ended(ctx context.Context) error {
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}

// draw puts the text in the place of the one before on a terminal, and after it
// where nobody can go back.
func draw(io *streams, text string, first, inPlace bool) {
	if !inPlace {
		if !first {
			text = "\n" + text
		}
		sayf(io.out, "%s", text)
		return
	}
	const home, restOfLine, restOfScreen = "\x1b[H", "\x1b[K", "\x1b[J"
	if first {
		sayf(io.out, "\x1b[2J")
	}
	sayf(io.out, "%s%s%s", home, strings.ReplaceAll(text, "\n", restOfLine+"\n"), restOfScreen)
}
