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
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
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

// printed is an object and what it is.
type printed struct {
	what   string
	object *unstructured.Unstructured
}

func printedOf(a *preview.Answer) []printed {
	var out []printed
	for i := range a.Steps {
		if s := &a.Steps[i]; s.Object != nil {
			out = append(out, printed{fmt.Sprintf("step %s: %s/%s", s.Name, s.Chosen.Kind, s.Chosen.Name), s.Object})
		}
	}
	return out
}

func printAll(w io.Writer, form string, all []printed) error {
	items := []any{}
	for i, p := range all {
		object := paper.Hide(p.object)
		switch form {
		case "json":
			items = append(items, object.Object)
		case "name":
			sayf(w, "%s\n", resourceName(object))
		default:
			text, err := yaml.Marshal(object.Object)
			if err != nil {
				return fmt.Errorf("printing the %s: %w", p.what, err)
			}
			if i > 0 {
				sayf(w, "---\n")
			}
			sayf(w, "# %s\n%s", p.what, text)
		}
	}
	if form != "json" {
		return nil
	}
	// What kubectl -o json prints of several objects.
	return printJSON(w, map[string]any{"apiVersion": "v1", "kind": "List", "items": items})
}

// resourceName is kind.group/name, as kubectl -o name has it.
func resourceName(u *unstructured.Unstructured) string {
	kind := strings.ToLower(u.GetKind())
	if group := u.GroupVersionKind().Group; group != "" {
		kind += "." + group
	}
	return kind + "/" + u.GetName()
}

func explainChain(w io.Writer, p paint, set *paper.Set, who owner.Object) {
	o := owner.Of(who)
	sayf(w, "%ss that may take %s/%s:\n", o.BlueprintKind, o.Kind, o.Name)
	explain(w, p, preview.Why(set, who))
}

func explainOptions(w io.Writer, p paint, set *paper.Set, a *preview.Answer) {
	for i := range a.Steps {
		if m := preview.WhyOption(set, &a.Owner, a.Blueprint, a.Steps[i].Name); len(m) > 0 {
			sayf(w, "options of %s:\n", a.Steps[i].Name)
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
		sayf(t, "  %s %s\t%d of %d met", mark, m.Of, m.Met, m.Asked)
		if len(m.Unmet) > 0 {
			sayf(t, "\t%s", strings.Join(m.Unmet, "; "))
		}
		sayf(t, "\n")
	}
	t.Flush() //nolint:errcheck // the sink remembers it
}

// paint colours words, on a terminal.
type paint bool

func painter(w io.Writer) paint {
	if s, ok := w.(*sink); ok {
		w = s.w
	}
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
