// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/owner"
	"rhumb.run/rhumb/internal/core/runnable"
	"rhumb.run/rhumb/internal/fault"
	"rhumb.run/rhumb/internal/paper"
	"rhumb.run/rhumb/internal/preview"
)

type renderFlags struct {
	files, outputs         []string
	outputsFile            string
	owner, namespace, form string
	strict, explain        bool
}

func newRender(io *streams) *cobra.Command {
	f := &renderFlags{}
	cmd := &cobra.Command{
		Use:   "render -f PATH... [--owner NAME|FILE] [--output STEP.NAME=VALUE...]",
		Short: "Show the objects that a chain makes for an owner",
		Long: `render takes a supply chain or delivery, its templates and an owner from files,
and prints the objects that would be stamped, in the order of the steps.

A cluster's controllers would fill in what a step yields. Here it is given with
--output or --outputs, or left open: a step that waits for an output that nobody
gave is named on standard error, which is no error unless --strict.`,
		Example: `  # what becomes of the workload, as far as it goes without an image
  rhumb render -f examples/simple-supply-chain

  # all of it
  rhumb render -f examples/simple-supply-chain --output image-builder.image=registry.example/app@sha256:1234

  # which chain was chosen, and what kept the others from it
  rhumb render -f platform/ --owner workload.yaml --explain -o name`,
		Args: exactly(cobra.ArbitraryArgs),
		RunE: func(cmd *cobra.Command, args []string) error {
			f.files = append(f.files, args...)
			return f.run(cmd.Context(), io)
		},
	}
	flags := cmd.Flags()
	flags.StringArrayVarP(&f.files, "filename", "f", nil, "a file, a folder with all below it, or - for standard input")
	flags.StringVar(&f.owner, "owner", "", "the owner's name, Kind/name, or file; needed if there are several")
	flags.StringVarP(&f.namespace, "namespace", "n", "default", "the namespace of an owner that names none")
	flags.StringArrayVar(&f.outputs, "output", nil, "what a step yields: STEP.url, .revision, .image or .config, then =VALUE")
	flags.StringVar(&f.outputsFile, "outputs", "", "a file of what steps yield: {STEP: {image: ...}, STEP: {source: {url: ..., revision: ...}}}")
	flags.StringVarP(&f.form, "format", "o", "yaml", "yaml, json or name")
	flags.BoolVar(&f.strict, "strict", false, "a step that waits for an output is an error")
	flags.BoolVar(&f.explain, "explain", false, "say on standard error why this chain and these options were chosen")
	return cmd
}

func (f *renderFlags) run(ctx context.Context, io *streams) error {
	if len(f.files) == 0 {
		return usagef("name the files to render: -f PATH")
	}
	if !slices.Contains(forms, f.form) {
		return usagef("-o is one of %s, not %q", strings.Join(forms, ", "), f.form)
	}
	set, err := f.read(io)
	if err != nil {
		return err
	}
	who, run, err := f.choose(set)
	if err != nil {
		return err
	}
	if run != nil {
		return f.runOf(ctx, io, set, run)
	}
	given, err := readOutputs(f.outputs, f.outputsFile)
	if err != nil {
		return err
	}
	p := painter(io.err)
	if f.explain {
		explainChain(io.err, p, set, who)
	}
	answer, err := preview.Of(ctx, preview.Question{Set: set, Owner: who, Given: given, Engine: engine()})
	if err != nil {
		return fmt.Errorf("%w%s", err, nextStep(err, set, who, f.explain))
	}
	if f.explain {
		explainOptions(io.err, p, set, answer)
	}
	if err := printAll(io.out, f.form, printedOf(answer)); err != nil {
		return err
	}
	return f.rest(io, p, answer)
}

// read reads all files, and the owner's if --owner is one.
func (f *renderFlags) read(io *streams) (*paper.Set, error) {
	r := &paper.Reader{In: io.in}
	docs, err := r.Read(f.files...)
	if err != nil {
		return nil, err
	}
	if isFile(f.owner) {
		more, err := r.Read(f.owner)
		if err != nil {
			return nil, err
		}
		docs = append(withoutOwners(docs), more...)
	}
	set, err := paper.Sort(docs)
	if err != nil {
		return nil, err
	}
	set.HideSecrets() // a run may be made of what its selector finds
	return set, nil
}

// withoutOwners leaves the owner to the file that --owner names.
func withoutOwners(docs []*paper.Document) []*paper.Document {
	return slices.DeleteFunc(docs, func(d *paper.Document) bool {
		return d.Object != nil && (owner.New[d.Object.GetKind()] != nil || runnable.New[d.Object.GetKind()] != nil)
	})
}

// choose finds the owner or runnable that was asked for, or the only one.
func (f *renderFlags) choose(set *paper.Set) (owner.Object, runnable.Object, error) {
	var names []string
	var found []metav1.Object
	for _, o := range all(set) {
		kind := kindOf(o)
		if f.owner == "" || isFile(f.owner) || f.owner == o.GetName() || strings.EqualFold(f.owner, kind+"/"+o.GetName()) {
			found = append(found, o)
		}
		names = append(names, tell(set, o))
	}
	switch {
	case len(names) == 0:
		return nil, nil, fmt.Errorf("there is no Workload, Deliverable or Runnable in %s: add its file with -f or --owner", strings.Join(f.files, ", "))
	case len(found) == 0:
		return nil, nil, fmt.Errorf("there is no owner %q; there is %s", f.owner, strings.Join(names, ", "))
	case len(found) > 1:
		return nil, nil, fmt.Errorf("there are several owners: choose one with --owner: %s", strings.Join(names, ", "))
	}
	if found[0].GetNamespace() == "" {
		found[0].SetNamespace(f.namespace)
	}
	if run, ok := found[0].(runnable.Object); ok && runnable.New[kindOf(run)] != nil {
		return nil, run, nil
	}
	who, _ := found[0].(owner.Object)
	return who, nil, nil
}

// tell is what --owner understands: a name or, if several share it, the file.
func tell(set *paper.Set, o metav1.Object) string {
	name := func(o metav1.Object) string { return kindOf(o) + "/" + o.GetName() }
	for _, other := range all(set) {
		if d := set.From[o]; other != o && name(other) == name(o) && d != nil {
			return d.File
		}
	}
	return name(o)
}

func all(set *paper.Set) []metav1.Object {
	var out []metav1.Object
	for _, o := range set.Owners {
		out = append(out, o)
	}
	for _, r := range set.Runnables {
		out = append(out, r)
	}
	return out
}

func kindOf(o metav1.Object) string {
	switch o := o.(type) {
	case *v1alpha1.Workload, *v1alpha1.Deliverable:
		return owner.Of(o.(owner.Object)).Kind
	case *v1alpha1.Runnable, *v1alpha1.Pipeline:
		return runnable.Of(o.(runnable.Object)).Kind
	}
	return ""
}

// runOf prints the run that a Runnable makes.
func (f *renderFlags) runOf(ctx context.Context, io *streams, set *paper.Set, run runnable.Object) error {
	facts := preview.Run(ctx, set, run, nil, engine())
	if facts.Run.Object == nil {
		return facts.Failure()
	}
	r := runnable.Of(run)
	return printAll(io.out, f.form, []printed{{fmt.Sprintf("run of %s/%s: %s/%s", r.Kind, r.Name, r.Template.Kind, r.Template.Name), preview.Plain(facts.Run.Object)}})
}

// rest says what is not among the objects, and why.
func (f *renderFlags) rest(io *streams, p paint, a *preview.Answer) error {
	wrong, waiting := false, false
	for i := range a.Steps {
		s := &a.Steps[i]
		switch {
		case s.Wrong != nil:
			wrong = true
			sayf(io.err, "%s step %s: %v\n", p.red("error:"), s.Name, s.Wrong)
		case s.Object == nil && len(s.Waits) > 0:
			waiting = true
			sayf(io.err, "%s step %s is not rendered: it reads %s; give it with %s\n", p.yellow("waits:"), s.Name, strings.Join(s.Waits, ", "), hint(s.Waits))
		case len(s.Waits) > 0:
			waiting = true
			sayf(io.err, "%s step %s is rendered without %s, which it reads; give it with %s\n", p.yellow("waits:"), s.Name, strings.Join(s.Waits, ", "), hint(s.Waits))
		}
	}
	if wrong || f.strict && waiting {
		return errFound
	}
	return nil
}

func hint(waits []string) string {
	var out []string
	for _, w := range waits {
		out = append(out, "--output "+w+"=VALUE")
	}
	return strings.Join(out, " ")
}

// nextStep is what to try if no blueprint was found.
func nextStep(err error, set *paper.Set, who owner.Object, explained bool) string {
	o := owner.Of(who)
	_, reason := fault.Of(err)
	switch {
	case reason == "":
		return ""
	case len(preview.Blueprints(set, o.BlueprintKind)) == 0:
		return fmt.Sprintf("\nThere is no %s in the files: add it with -f.", o.BlueprintKind)
	case !explained:
		return "\nSee what each selector asks for with --explain."
	}
	return ""
}
