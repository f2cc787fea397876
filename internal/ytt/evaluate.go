// SPDX-License-Identifier: Apache-2.0

package ytt

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"

	"carvel.dev/ytt/pkg/cmd/ui"
	"carvel.dev/ytt/pkg/files"
	"carvel.dev/ytt/pkg/orderedmap"
	"carvel.dev/ytt/pkg/workspace"
	"carvel.dev/ytt/pkg/workspace/datavalues"
	"carvel.dev/ytt/pkg/yamlmeta"
	_ "carvel.dev/ytt/pkg/yttlibraryext" // @ytt:toml, which the ytt command has too
)

// fileName is what a template's errors call it: that of a template which the
// ytt command is given on its standard input.
const fileName = "stdin.yml"

// quiet is where ytt says what it does.
var quiet = ui.NewCustomWriterTTY(false, io.Discard, io.Discard)

// evaluator evaluates one template at a time, and keeps what it parsed. It
// bounds neither time nor memory: a helper process is made for it to die in.
type evaluator struct {
	limits Limits
	parsed parsed
}

func newEvaluator(limits Limits) *evaluator { return &evaluator{limits: limits} }

// render gives the first document of the template of this digest, as JSON, or
// nothing if there is none. Text may be empty if the digest was seen before;
// errUnknown says that it is needed after all.
func (e *evaluator) render(digest, text string, values []byte) (out []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			out, err = nil, fmt.Errorf("ytt panicked: %s", describe(p))
		}
	}()
	t, err := e.parsed.get(digest, text)
	if err != nil {
		return nil, err
	}
	data, err := readValues(values)
	if err != nil {
		return nil, fmt.Errorf("reading the template's data: %w", err)
	}
	docs, err := t.short(data)
	if err != nil {
		docs, err = whole(t.text, data)
	}
	if err != nil {
		return nil, errors.New(plain(err.Error()))
	}
	return e.first(docs)
}

// first is the first document that says something.
func (e *evaluator) first(docs *yamlmeta.DocumentSet) ([]byte, error) {
	for _, doc := range docs.Items {
		if !doc.IsEmpty() {
			return writeJSON(doc.Value, e.limits)
		}
	}
	return nil, nil
}

// whole evaluates a template as the ytt command does, with all that a template
// may contain: overlays, data values, a schema.
func whole(text string, data *orderedmap.Map) (*yamlmeta.DocumentSet, error) {
	file, err := files.NewFileFromSource(files.NewBytesSource(fileName, []byte(text)))
	if err != nil {
		return nil, err
	}
	library := workspace.NewRootLibrary([]*files.File{file})
	factory := workspace.NewLibraryExecutionFactory(quiet, workspace.TemplateLoaderOpts{}, false)
	execution := factory.New(workspace.LibraryExecutionContext{Current: library, Root: library})
	schema, schemas, err := execution.Schemas(nil)
	if err != nil {
		return nil, err
	}
	envelope, err := datavalues.NewEnvelope(&yamlmeta.Document{Value: yamlmeta.NewASTFromInterface(data)})
	if err != nil {
		return nil, err
	}
	values, forLibraries, err := execution.Values([]*datavalues.Envelope{envelope}, schema)
	if err != nil {
		return nil, err
	}
	result, err := execution.Eval(values, forLibraries, schemas)
	if err != nil {
		return nil, err
	}
	return result.DocSet, nil
}

// plain takes off what ytt says of itself where a panic of its own is the
// error: stack traces, which tell a template's author nothing.
func plain(message string) string {
	if before, trace, found := strings.Cut(message, " (backtrace: goroutine"); found {
		_, rest, _ := strings.Cut(trace, "\n")
		rest, _, _ = strings.Cut(rest, "\n    reason:\n")
		message = before + "\n" + rest
	}
	return strings.TrimSpace(message)
}

// describe names a panic: the runtime's own words hold no value of anybody's,
// those of a library end with their first line.
func describe(p any) string {
	if err, ok := p.(runtime.Error); ok {
		return err.Error()
	}
	line, _, _ := strings.Cut(fmt.Sprint(p), "\n")
	return line
}
