// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"text/tabwriter"

	"golang.org/x/term"
	"sigs.k8s.io/yaml"

	"rhumb.run/rhumb/internal/core/owner"
	"rhumb.run/rhumb/internal/core/render"
	"rhumb.run/rhumb/internal/paper"
	"rhumb.run/rhumb/internal/preview"
	"rhumb.run/rhumb/internal/ytt"
)

var forms = []string{"yaml", "json", "name"}

// engine evaluates ytt templates; its helpers end with this process.
var engine = sync.OnceValue(func() render.Engine { return ytt.NewPool(ytt.Options{}) })

func printSteps(w io.Writer, form string, a *preview.Answer) error {
	if form == "json" {
		return printList(w, a)
	}
	first := true
	for i := range a.Steps {
		s := &a.Steps[i]
		if s.Object == nil {
			continue
		}
		if form == "name" {
			fmt.Fprintln(w, resourceName(s))
			continue
		}
		text, err := yaml.Marshal(s.Object.Object)
		if err != nil {
			return fmt.Errorf("printing step %s: %w", s.Name, err)
		}
		if !first {
			fmt.Fprintln(w, "---")
		}
		first = false
		fmt.Fprintf(w, "# step %s: %s/%s\n%s", s.Name, s.Chosen.Kind, s.Chosen.Name, text)
	}
	return nil
}

// printList is what kubectl -o json prints of several objects.
func printList(w io.Writer, a *preview.Answer) error {
	items := []any{}
	for i := range a.Steps {
		if a.Steps[i].Object != nil {
			items = append(items, a.Steps[i].Object.Object)
		}
	}
	return printJSON(w, map[string]any{"apiVersion": "v1", "kind": "List", "items": items})
}

// resourceName is kind.group/name, as kubectl -o name has it.
func resourceName(s *preview.Step) string {
	gvk := s.Object.GroupVersionKind()
	kind := strings.ToLower(gvk.Kind)
	if gvk.Group != "" {
		kind += "." + gvk.Group
	}
	name := s.Object.GetName()
	if name == "" {
		name = s.Object.GetGenerateName() + "*"
	}
	return kind + "/" + name
}

func explainChain(w io.Writer, p paint, set *paper.Set, who owner.Object) {
	o := owner.Of(who)
	fmt.Fprintf(w, "%ss that may take %s/%s:\n", o.BlueprintKind, o.Kind, o.Name)
	explain(w, p, preview.Why(set, who))
}

func explainOptions(w io.Writer, p paint, set *paper.Set, a *preview.Answer) {
	for i := range a.Steps {
		if m := preview.WhyOption(set, &a.Owner, a.Blueprint, a.Steps[i].Name); len(m) > 0 {
			fmt.Fprintf(w, "options of %s:\n", a.Steps[i].Name)
			explain(w, p, m)
		}
	}
}

// explain marks the one that matches most closely.
func explain(w io.Writer, p paint, matches []preview.Match) {
	best := 0
	for _, m := range matches {
		if m.Matches() {
			best = max(best, m.Asked)
		}
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, m := range matches {
		mark := " "
		if m.Matches() && m.Asked == best {
			mark = p.green("*")
		}
		fmt.Fprintf(t, "  %s %s\t%d of %d met", mark, m.Of, m.Met, m.Asked)
		if len(m.Unmet) > 0 {
			fmt.Fprintf(t, "\t%s", strings.Join(m.Unmet, "; "))
		}
		fmt.Fprintln(t)
	}
	t.Flush() //nolint:errcheck // a terminal that is gone has no reader
}

// paint colours words, on a terminal.
type paint bool

func painter(w io.Writer) paint {
	f, ok := w.(*os.File)
	return paint(ok && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && term.IsTerminal(int(f.Fd())))
}

func (p paint) red(s string) string    { return p.code("31", s) }
func (p paint) green(s string) string  { return p.code("32", s) }
func (p paint) yellow(s string) string { return p.code("33", s) }

func (p paint) code(n, s string) string {
	if !p {
		return s
	}
	return "\x1b[" + n + "m" + s + "\x1b[0m"
}
