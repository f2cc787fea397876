// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/validation"

	"rhumb.run/rhumb/internal/core/view"
)

type listFlags struct {
	sight
	all       bool
	app, form string
}

func newList(io *streams) *cobra.Command {
	f := &listFlags{}
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List workloads: READY shows why one is not",
		Example: `  rhumb workload list
  rhumb workload list -A
  rhumb workload list --app shop -o name`,
		Args: exactly(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd, io) },
	}
	f.flags(cmd, true)
	flags := cmd.Flags()
	flags.BoolVarP(&f.all, "all-namespaces", "A", false, "of all namespaces")
	flags.StringVar(&f.app, "app", "", "only those of this application (label app.kubernetes.io/part-of)")
	flags.StringVarP(&f.form, "output", "o", "", "the objects themselves: yaml, json or name")
	return cmd
}

func (f *listFlags) run(cmd *cobra.Command, io *streams) error {
	if err := oneOf("-o", f.form, objectForms...); err != nil {
		return err
	}
	labels := ""
	if f.app != "" {
		if wrong := validation.IsValidLabelValue(f.app); len(wrong) > 0 {
			return usagef("--app %s: %s", f.app, wrong[0])
		}
		labels = view.AppLabel + "=" + f.app
	}
	c, err := f.open(cmd)
	if err != nil {
		return err
	}
	all, err := c.List(cmd.Context(), f.all, labels)
	if err != nil {
		return err
	}
	switch {
	case f.form != "":
		objects := []map[string]any{}
		for i := range all {
			all[i].ManagedFields = nil
			o, err := asMap(&all[i])
			if err != nil {
				return err
			}
			objects = append(objects, o)
		}
		return printObjects(io.out, f.form, objects)
	case len(all) == 0:
		sayf(io.out, "No workloads found.\n")
	default:
		sayf(io.out, "%s", view.List(all, f.all, time.Now()))
	}
	return nil
}

func asMap(object any) (map[string]any, error) {
	raw, err := json.Marshal(object)
	if err != nil {
		return nil, fmt.Errorf("printing: %w", err)
	}
	out := map[string]any{}
	return out, json.Unmarshal(raw, &out)
}
