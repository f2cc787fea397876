// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/tools/txtar"

	"rhumb.run/rhumb/internal/core/render"
	"rhumb.run/rhumb/internal/paper"
	"rhumb.run/rhumb/internal/story"
	"rhumb.run/rhumb/internal/suite"
)

type testFlags struct {
	verbose, update bool
	form            string
}

func newTest(io *streams) *cobra.Command {
	f := &testFlags{}
	cmd := &cobra.Command{
		Use:   "test PATH...",
		Short: "Run tests of templates and chains: cartotest's folders, and stories",
		Long: `test runs what it finds below each path, in the order of the names.

A folder without folders is a test as cartotest has it: template.yaml,
workload.yaml and expected.yaml, with settings in info.yaml that folders
inherit. A file that ends in .txtar is a story: what is there, and which
objects, status and events are wanted.

The report goes to standard error, a line PASS or FAIL for each test.`,
		Example: `  rhumb test tests/templates
  rhumb test test/stories -o junit > report.xml

  # write down what happens now, then read the difference
  rhumb test test/stories --update`,
		Args: exactly(cobra.ArbitraryArgs),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("name the tests to run: a folder, or a story (.txtar)")
			}
			return f.run(cmd.Context(), io, args)
		},
	}
	flags := cmd.Flags()
	flags.BoolVarP(&f.verbose, "verbose", "v", false, "say what each test is about")
	flags.BoolVar(&f.update, "update", false, "write what stories tell into their want files, instead of comparing")
	flags.StringVarP(&f.form, "format", "o", "text", "text, json or junit; the latter two go to standard output")
	return cmd
}

// newTemplates is the spelling that cartotest had before.
func newTemplates(io *streams) *cobra.Command {
	f := &testFlags{form: "text"}
	var dir string
	cmd := &cobra.Command{
		Use: "templates", Short: "Run tests of templates", Hidden: true, Deprecated: "use: rhumb test DIRECTORY",
		Args: exactly(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if dir == "" {
				return usagef("name the folder of the tests: -d DIRECTORY")
			}
			return f.run(cmd.Context(), io, []string{dir})
		},
	}
	cmd.Flags().StringVarP(&dir, "directory", "d", "", "the folder of the tests")
	cmd.Flags().BoolVarP(&f.verbose, "verbose", "v", false, "say what each test is about")
	return cmd
}

// result is what became of one test.
type result struct {
	Test        string `json:"test"`
	Name        string `json:"name,omitempty"`
	Description string `json:"description,omitempty"`
	Passed      bool   `json:"passed"`
	Message     string `json:"message,omitempty"`
}

func (f *testFlags) run(ctx context.Context, io *streams, paths []string) error {
	if !slices.Contains([]string{"text", "json", "junit"}, f.form) {
		return usagef("-o is text, json or junit, not %q", f.form)
	}
	results, focused, err := f.all(ctx, paths)
	if err != nil {
		return err
	}
	failed := 0
	p := painter(io.err)
	for _, r := range results {
		if !r.Passed {
			failed++
		}
		if f.form == "text" {
			f.line(io.err, p, r)
		}
	}
	switch f.form {
	case "json":
		err = printJSON(io.out, results)
	case "junit":
		err = printJUnit(io.out, results, failed)
	}
	if err != nil {
		return err
	}
	if focused {
		sayf(io.err, "only tests with focus: true were run, which never passes: take it away\n")
	}
	if failed > 0 || focused {
		sayf(io.err, "%s\n", p.red("FAIL"))
		return errFound
	}
	sayf(io.err, "%s\n", p.green("PASS"))
	return nil
}

// all runs what is found; if a case has the focus, only those that have.
func (f *testFlags) all(ctx context.Context, paths []string) (out []result, focused bool, err error) {
	found := &suite.Found{}
	for _, p := range paths {
		more, err := suite.Find(p)
		if err != nil {
			return nil, false, err
		}
		found.Cases, found.Stories = append(found.Cases, more.Cases...), append(found.Stories, more.Stories...)
	}
	focused = slices.ContainsFunc(found.Cases, func(c *suite.Case) bool { return c.Focus })
	ytt := engine()
	for _, c := range found.Cases {
		if focused && !c.Focus {
			continue
		}
		r := result{Test: c.Dir, Name: c.Name, Description: c.Description}
		out = append(out, r.of(c.Run(ctx, ytt)))
	}
	for _, file := range found.Stories {
		if !focused {
			out = append(out, f.tell(ctx, file, ytt))
		}
	}
	return out, focused, nil
}

func (r result) of(err error) result {
	if r.Passed = err == nil; err != nil {
		r.Message = err.Error()
	}
	return r
}

// tell runs a story.
func (f *testFlags) tell(ctx context.Context, file string, ytt render.Engine) result {
	r := result{Test: file}
	text, err := os.ReadFile(file)
	if err != nil {
		return r.of(err)
	}
	s, err := story.Load(text)
	if err != nil {
		return r.of(err)
	}
	s.Engine = ytt
	r.Description = strings.ReplaceAll(s.Prose, "\n", " ")
	told, err := s.Tell(ctx)
	if err == nil && f.update {
		return r.of(os.WriteFile(file, s.Rewrite(told), 0o644)) //nolint:gosec // as the file was
	}
	hide := mask(text, s, told)
	if err != nil {
		return r.of(errors.New(hide(err.Error())))
	}
	if wrong := s.Check(told); len(wrong) > 0 {
		err = errors.New(strings.Join(wrong, "\n"))
	}
	return r.of(err)
}

// mask takes the values of Secrets out of what was wanted and told before it is
// compared, since a comparison quotes both, in pieces.
func mask(text []byte, s *story.Story, told story.Told) func(string) string {
	secrets := &paper.Secrets{}
	for _, f := range txtar.Parse(text).Files {
		secrets.OfText(f.Data)
	}
	for _, name := range slices.Sorted(maps.Keys(told)) {
		secrets.OfText([]byte(told[name]))
	}
	for name := range s.Want {
		s.Want[name] = secrets.Mask(s.Want[name])
	}
	for name := range told {
		told[name] = secrets.Mask(told[name])
	}
	return secrets.Mask
}

func (f *testFlags) line(w io.Writer, p paint, r result) {
	word := p.green("PASS")
	if !r.Passed {
		word = p.red("FAIL")
	}
	sayf(w, "%s: %s\n", word, r.Test)
	if f.verbose {
		indent(w, "Name: ", r.Name)
		indent(w, "Description: ", r.Description)
	}
	indent(w, "", r.Message)
}

func indent(w io.Writer, label, text string) {
	if text == "" {
		return
	}
	text = strings.TrimRight(label+text, "\n")
	sayf(w, "\t%s\n", strings.ReplaceAll(text, "\n", "\n\t"))
}

func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

type junitSuite struct {
	XMLName  xml.Name    `xml:"testsuite"`
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Name    string        `xml:"name,attr"`
	Class   string        `xml:"classname,attr"`
	Failure *junitFailure `xml:"failure"`
}

type junitFailure struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

func printJUnit(w io.Writer, results []result, failed int) error {
	out := junitSuite{Name: "rhumb test", Tests: len(results), Failures: failed}
	for _, r := range results {
		c := junitCase{Name: r.Test, Class: "rhumb"}
		if !r.Passed {
			first, _, _ := strings.Cut(r.Message, "\n")
			c.Failure = &junitFailure{first, r.Message}
		}
		out.Cases = append(out.Cases, c)
	}
	sayf(w, xml.Header)
	enc := xml.NewEncoder(w)
	enc.Indent("", "  ")
	if err := enc.Encode(out); err != nil {
		return err
	}
	sayf(w, "\n")
	return nil
}
