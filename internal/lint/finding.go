// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"cmp"
	"fmt"
	"slices"

	"rhumb.run/rhumb/internal/paper"
)

// Severity is how much a finding matters.
type Severity string

// The severities: an error cannot work, a warning does not do what it seems to,
// and info is worth a look.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
	Info    Severity = "info"
)

// Severities in falling order.
var Severities = []Severity{Error, Warning, Info}

// AtLeast is true if a finding of this severity is as bad as the other.
func (s Severity) AtLeast(other Severity) bool {
	return slices.Index(Severities, s) <= slices.Index(Severities, other)
}

// Finding is one thing that is wrong, and how to mend it.
type Finding struct {
	File     string   `json:"file"`
	Line     int      `json:"line"`
	Column   int      `json:"column"`
	Severity Severity `json:"severity"`
	Rule     string   `json:"rule"`
	Object   string   `json:"object,omitempty"`
	Message  string   `json:"message"`
	Fix      string   `json:"fix,omitempty"`
}

// Rule is a thing that lint looks for.
type Rule struct {
	ID, Says string
	Severity Severity
}

// Rules are all of them, by name.
var Rules = []Rule{
	{"admission", "the cluster refuses the object, or warns of it", Error},
	{"deprecated", "there is a newer spelling", Warning},
	{"duplicate-object", "two objects have the same kind and name", Error},
	{"duplicate-param", "a param is declared more than once in one list", Warning},
	{"enum", "a value is none of those that are allowed", Error},
	{"forced-param", "an owner sets a param whose value the blueprint forces", Warning},
	{"missing-input", "a template reads an input that its resource or Runnable does not have", Error},
	{"missing-output", "what a Runnable is read for, its run template does not yield", Error},
	{"missing-template", "a blueprint names a template that is not in the files (with --complete)", Error},
	{"no-blueprint", "no blueprint in the files takes the owner", Info},
	{"required", "a field is missing", Error},
	{"selector-tie", "an owner would match several blueprints equally well", Error},
	{"selector-unmet", "a selector asks for what can never be", Error},
	{"template-kind", "a template of the name is of another kind", Error},
	{"type", "a value is of another type", Error},
	{"unclosed-tag", "a $( of a template is closed by ) and not by )$: it is text", Warning},
	{"undeclared-param", "a template reads a param that nobody declares", Warning},
	{"unknown-field", "the kind has no such field", Error},
	{"unknown-key", "a template reads what no template is given", Error},
	{"unknown-kind", "carto.run has no such kind", Error},
	{"unknown-path", "a template reads a field that is never there", Error},
	{"unreadable", "the file is no YAML or JSON", Error},
	{"unused-input", "a resource or Runnable has an input that its template never reads", Warning},
	{"unused-output", "nobody takes what a resource or run yields", Info},
	{"unused-param", "a param is declared or set that no template reads", Warning},
	{"value", "a value is not of the allowed form or size", Error},
}

func severityOf(rule string) Severity {
	i := slices.IndexFunc(Rules, func(r Rule) bool { return r.ID == rule })
	return Rules[i].Severity
}

// String is the finding as a compiler would say it.
func (f Finding) String() string {
	return fmt.Sprintf("%s:%d:%d: %s: %s [%s]", f.File, f.Line, f.Column, f.Severity, f.Message, f.Rule)
}

// collector gathers findings; the same one is said once.
type collector struct {
	found []Finding
	said  map[Finding]bool
}

func (c *collector) add(d *paper.Document, at paper.Place, rule, fix, format string, args ...any) {
	c.addAs(severityOf(rule), d, at, rule, fix, fmt.Sprintf(format, args...))
}

func (c *collector) addAs(s Severity, d *paper.Document, at paper.Place, rule, fix, message string) {
	f := Finding{File: at.File, Line: at.Line, Column: at.Column, Severity: s, Rule: rule, Message: message, Fix: fix}
	if d != nil && d.Object != nil {
		f.Object = paper.Name(d.Object)
	}
	if c.said == nil {
		c.said = map[Finding]bool{}
	}
	if !c.said[f] {
		c.said[f] = true
		c.found = append(c.found, f)
	}
}

// sorted are the findings by place.
func (c *collector) sorted() []Finding {
	slices.SortStableFunc(c.found, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Message, b.Message))
	})
	return c.found
}
