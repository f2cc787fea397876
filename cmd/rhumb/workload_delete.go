// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"rhumb.run/rhumb/internal/cluster"
)

type deleteFlags struct {
	sight
	all, wait, yes bool
	file           string
	timeout        time.Duration
}

func newDelete(io *streams) *cobra.Command {
	f := &deleteFlags{}
	cmd := &cobra.Command{
		Use:   "delete NAME...",
		Short: "Delete workloads, and with them all that was made for them",
		Example: `  rhumb workload delete petclinic
  rhumb workload delete -f workload.yaml --yes --wait
  rhumb workload delete --all -n dev`,
		Args:              exactly(cobra.ArbitraryArgs),
		ValidArgsFunction: f.names(true),
		RunE:              func(cmd *cobra.Command, args []string) error { return f.run(cmd, io, args) },
	}
	f.flags(cmd, true)
	flags := cmd.Flags()
	flags.BoolVar(&f.all, "all", false, "every workload of the namespace")
	flags.StringVarP(&f.file, "file", "f", "", "the workload that this file has: a path, a URL, or - for standard input")
	flags.BoolVar(&f.wait, "wait", false, "wait until they are gone")
	flags.DurationVar(&f.timeout, "wait-timeout", time.Minute, "how long to wait")
	flags.BoolVarP(&f.yes, "yes", "y", false, "do not ask")
	return cmd
}

func (f *deleteFlags) run(cmd *cobra.Command, io *streams, names []string) error {
	switch {
	case f.all && (len(names) > 0 || f.file != ""):
		return usagef("--all means every workload of the namespace: name none")
	case !f.all && len(names) == 0 && f.file == "":
		return usagef("name the workloads to delete, or -f FILE, or --all")
	case f.file == "-" && !f.yes:
		return usagef("-f - takes standard input, so that nobody can be asked: add --yes")
	}
	if f.file != "" {
		w, err := readWorkload(cmd.Context(), io, f.file)
		if err != nil {
			return err
		}
		names = append(names, w.Name)
		if f.namespace == "" {
			f.namespace = w.Namespace
		}
	}
	c, err := f.open(cmd)
	if err != nil {
		return err
	}
	a := &asker{io: io, out: io.out, yes: f.yes, sign: f.emoji("❓")}
	if f.all {
		if names, err = f.every(cmd.Context(), io, c, a); err != nil {
			return err
		}
	}
	return f.each(cmd.Context(), io, c, a, names)
}

// every asks once for all.
func (f *deleteFlags) every(ctx context.Context, io *streams, c *cluster.Cluster, a *asker) ([]string, error) {
	list, err := c.List(ctx, false, "")
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		sayf(io.out, "No workloads found.\n")
		return nil, nil
	}
	sure, err := a.ask("Really delete all workloads in the namespace %q", c.Namespace)
	if err != nil {
		return nil, err
	}
	if !sure {
		sayf(io.out, "Skipping workloads in namespace %q\n", c.Namespace)
		return nil, nil
	}
	a.yes = true
	var names []string
	for i := range list {
		names = append(names, list[i].Name)
	}
	return names, nil
}

// each deletes what is named; one that is not there stops no other.
func (f *deleteFlags) each(ctx context.Context, io *streams, c *cluster.Cluster, a *asker, names []string) error {
	var missing error
	var gone []string
	for _, name := range names {
		there, did, err := f.one(ctx, io, c, a, name)
		switch {
		case err != nil:
			return err
		case !there:
			missing = errFound
			sayf(io.err, "Workload %q not found\n", c.Namespace+"/"+name)
		case did:
			gone = append(gone, name)
		}
	}
	if !f.wait {
		return missing
	}
	for _, name := range gone {
		if err := f.waited(ctx, io, c, name); err != nil {
			return err
		}
	}
	return missing
}

// one asks, and deletes after a yes.
func (f *deleteFlags) one(ctx context.Context, io *streams, c *cluster.Cluster, a *asker, name string) (there, did bool, err error) {
	w, err := c.Workload(ctx, name)
	if err != nil || w == nil {
		return false, false, err
	}
	sure, err := a.ask("Really delete the workload %q", name)
	if err != nil {
		return true, false, err
	}
	if !sure {
		sayf(io.out, "Skipping workload %q\n", name)
		return true, false, nil
	}
	if _, err := c.Delete(ctx, name); err != nil {
		return true, false, err
	}
	sayf(io.out, "%sDeleted workload %q\n", f.emoji("👍"), name)
	return true, true, nil
}

func (f *deleteFlags) waited(ctx context.Context, io *streams, c *cluster.Cluster, name string) error {
	sayf(io.out, "Waiting for workload %q to be deleted...\n", name)
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	gone, err := c.Gone(ctx, name)
	if err != nil {
		return err
	}
	if !gone {
		return notReady{fmt.Errorf("timeout after %s waiting for %q to be deleted\nTo view status run: %s", f.timeout, name, f.next(c, "get", name))}
	}
	sayf(io.out, "%sWorkload %q was deleted\n", f.emoji("👍"), name)
	return nil
}
