// SPDX-License-Identifier: Apache-2.0

package suite

import (
	"context"
	"fmt"
	"os"
	"slices"

	"rhumb.run/rhumb/internal/core/admit"
	"rhumb.run/rhumb/internal/core/digest"
	"rhumb.run/rhumb/internal/core/render"
	"rhumb.run/rhumb/internal/paper"
)

// load reads all files of a case.
func (r *runner) load(ctx context.Context) error {
	var docs []*paper.Document
	add := func(more []*paper.Document, err error) error {
		docs = append(docs, more...)
		return err
	}
	reader := &paper.Reader{}
	if r.template.Path != "" {
		if err := add(r.preprocessed(ctx, reader, r.template)); err != nil {
			return err
		}
	}
	paths := append(slices.Clone(r.templates), r.who()...)
	if err := add(reader.Read(paths...)); err != nil {
		return err
	}
	if r.chain != nil {
		for _, path := range r.chain.Paths {
			if err := add(r.preprocessed(ctx, reader, fileRef{path, r.chain.YttPath})); err != nil {
				return err
			}
		}
	}
	for _, d := range docs {
		r.secrets.Of(d.Object)
	}
	var err error
	if r.set, err = paper.Sort(docs); err != nil {
		return err
	}
	return r.admitted()
}

// who are the files of whom the case is about.
func (r *runner) who() []string {
	paths := []string{r.owner}
	if r.runnable != "" {
		paths = []string{r.runnable, r.selected}
	}
	return slices.DeleteFunc(paths, func(path string) bool { return path == "" })
}

// admitted checks that a cluster would take the templates under test: what it
// refuses can be stamped all the same, and would never be.
func (r *runner) admitted() error {
	for _, t := range slices.Concat(r.set.Templates, r.set.RunTemplates) {
		problems, _ := admit.Of(t)
		if message, refused := admit.Refusal(problems); refused {
			return fmt.Errorf("%s: %s %q is refused by the cluster: %s", r.set.From[t].Place("spec"), r.set.From[t].Object.GetKind(), t.GetName(), message)
		}
	}
	return nil
}

// preprocessed reads a file that is completed by ytt first, if it names values.
func (r *runner) preprocessed(ctx context.Context, reader *paper.Reader, ref fileRef) ([]*paper.Document, error) {
	if ref.YttPath == "" {
		return reader.Read(ref.Path)
	}
	if r.engine == nil {
		return nil, fmt.Errorf("reading %s: its values are in %s, but nothing here evaluates ytt", ref.Path, ref.YttPath)
	}
	values, err := reader.Read(ref.YttPath)
	if err != nil {
		return nil, err
	}
	if len(values) == 0 {
		return nil, fmt.Errorf("reading %s: there are no values in it", ref.YttPath)
	}
	text, err := os.ReadFile(ref.Path)
	if err != nil {
		return nil, fmt.Errorf("reading %s: there is no such file", ref.Path)
	}
	plain := yttComments(string(text))
	program := render.Program{Text: plain, Digest: digest.Of(plain)}
	out, err := r.engine.Render(ctx, program, values[len(values)-1].JSON)
	if err != nil {
		return nil, fmt.Errorf("completing %s with the values of %s: %w", ref.Path, ref.YttPath, err)
	}
	return paper.Parse(ref.Path, out)
}
