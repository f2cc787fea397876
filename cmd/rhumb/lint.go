// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"rhumb.run/rhumb/internal/lint"
	"rhumb.run/rhumb/internal/paper"
)

type lintFlags struct {
	files           []string
	form, failOn    string
	complete, rules bool
}

var lintForms = []string{"text", "json", "sarif", "github"}

func newLint(io *streams) *cobra.Command {
	f := &lintFlags{}
	cmd := &cobra.Command{
		Use:   "lint PATH...",
		Short: "Find what is wrong in the files of chains, templates and owners",
		Long: `lint says what a cluster would refuse, and what it would take but can never work
or does not do what it seems to: fields that do not exist, inputs and params
that nobody reads, names that lead nowhere, selectors that tie. Each finding has
its place, its rule, and how to mend it.`,
		Example: `  rhumb lint platform/
  rhumb lint platform/ --complete --fail-on warning
  kubectl get clustersupplychains,clustertemplates -o yaml | rhumb lint -
  rhumb lint platform/ -o sarif > lint.sarif
  rhumb lint --rules`,
		Args: exactly(cobra.ArbitraryArgs),
		RunE: func(_ *cobra.Command, args []string) error { return f.run(io, append(f.files, args...)) },
	}
	flags := cmd.Flags()
	flags.StringArrayVarP(&f.files, "filename", "f", nil, "a file, a folder with all below it, or - for standard input; arguments mean the same")
	flags.StringVarP(&f.form, "format", "o", "text", "text, json, sarif, or github (annotations of a workflow)")
	flags.StringVar(&f.failOn, "fail-on", "error", "the least severity that fails: error, warning, info, or never")
	flags.BoolVar(&f.complete, "complete", false, "the files hold the whole platform: a template that they lack is missing")
	flags.BoolVar(&f.rules, "rules", false, "list the rules")
	return cmd
}

func (f *lintFlags) run(io *streams, args []string) error {
	switch {
	case f.rules:
		return listRules(io.out)
	case len(args) == 0:
		return usagef("name the files to look at, or - for standard input")
	case !slices.Contains(lintForms, f.form):
		return usagef("-o is one of %s, not %q", strings.Join(lintForms, ", "), f.form)
	case f.failOn != "never" && !slices.Contains(lint.Severities, lint.Severity(f.failOn)):
		return usagef("--fail-on is error, warning, info or never, not %q", f.failOn)
	}
	var unread []error
	r := &paper.Reader{In: io.in, Unread: func(err error) { unread = append(unread, err) }}
	docs, err := r.Read(args...)
	if err != nil {
		return err
	}
	if len(docs)+len(unread) == 0 {
		return fmt.Errorf("there is nothing to look at in %s: neither .yaml, .yml nor .json", strings.Join(args, ", "))
	}
	found := lint.Run(docs, unread, lint.Options{Complete: f.complete})
	if err := f.print(io, found); err != nil {
		return err
	}
	if slices.ContainsFunc(args, missing) {
		return errFound // what was not looked at is not well, whatever is forgiven
	}
	if f.failOn != "never" && slices.ContainsFunc(found, func(x lint.Finding) bool { return x.Severity.AtLeast(lint.Severity(f.failOn)) }) {
		return errFound
	}
	return nil
}

func missing(path string) bool {
	if path == paper.Stdin {
		return false
	}
	_, err := os.Stat(path)
	return err != nil
}

func (f *lintFlags) print(io *streams, found []lint.Finding) error {
	switch f.form {
	case "json":
		if found == nil {
			found = []lint.Finding{}
		}
		return printJSON(io.out, found)
	case "sarif":
		return printJSON(io.out, sarifOf(found))
	case "github":
		printGitHub(io.out, found)
	default:
		printText(io, found)
	}
	return nil
}

func printText(io *streams, found []lint.Finding) {
	p := painter(io.out)
	count := map[lint.Severity]int{}
	for _, x := range found {
		count[x.Severity]++
		word := string(x.Severity)
		switch x.Severity {
		case lint.Error:
			word = p.red(word)
		case lint.Warning:
			word = p.yellow(word)
		case lint.Info:
		}
		sayf(io.out, "%s:%d:%d: %s: %s [%s]\n", x.File, x.Line, x.Column, word, x.Message, x.Rule)
		if x.Fix != "" {
			sayf(io.out, "    %s\n", x.Fix)
		}
	}
	if len(found) > 0 {
		sayf(io.err, "%s, %s, %s\n", counted(count[lint.Error], "error"), counted(count[lint.Warning], "warning"), counted(count[lint.Info], "info"))
	}
}

func counted(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + one + "s"
}

var githubWords = map[lint.Severity]string{lint.Error: "error", lint.Warning: "warning", lint.Info: "notice"}

// githubText keeps a message on its line, whatever is in it.
var (
	githubText  = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	githubField = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

func printGitHub(w io.Writer, found []lint.Finding) {
	for _, x := range found {
		message := x.Message
		if x.Fix != "" {
			message += "\n" + x.Fix
		}
		sayf(w, "::%s file=%s,line=%d,col=%d,title=%s::%s\n", githubWords[x.Severity], githubField.Replace(x.File), x.Line, x.Column, x.Rule, githubText.Replace(message))
	}
}

func listRules(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	sayf(t, "RULE\tSEVERITY\tSAYS\n")
	for _, r := range lint.Rules {
		sayf(t, "%s\t%s\t%s\n", r.ID, r.Severity, r.Says)
	}
	return t.Flush()
}
