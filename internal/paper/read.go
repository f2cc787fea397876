// SPDX-License-Identifier: Apache-2.0

package paper

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// What is read at most: an API server takes no object of more than 3 MiB, and
// nobody writes a platform in more files than these.
const (
	maxFile  = 8 << 20
	maxTotal = 128 << 20
	maxFiles = 10000
)

// Stdin is the path that means standard input.
const Stdin = "-"

// Document is one document of a file.
type Document struct {
	File string
	// Line is where the document begins, counted from 1.
	Line int
	// Object is nil if the document is no Kubernetes object: it lacks a kind or an apiVersion.
	Object *unstructured.Unstructured
	// JSON is the whole document.
	JSON []byte

	text []byte
	// within leads from the document to the object, if it is an item of a List.
	within string
	nodes  *nodes
}

// Reader reads paths.
type Reader struct {
	// In is standard input.
	In io.Reader
	// Unread is told of each file that cannot be read, if somebody wants to go on.
	Unread func(error)

	files, total int
}

// Read reads files, folders with all below them, and standard input (-). Of a
// folder it takes what is named .yaml, .yml or .json, and no hidden folder.
func (r *Reader) Read(paths ...string) ([]*Document, error) {
	var out []*Document
	for _, p := range paths {
		docs, err := r.one(p)
		if err = r.goOn(err); err != nil {
			return nil, err
		}
		out = append(out, docs...)
	}
	return out, nil
}

func (r *Reader) one(path string) ([]*Document, error) {
	if path == Stdin {
		if r.In == nil {
			return nil, errors.New("there is no standard input to read")
		}
		return r.parse("stdin", r.In)
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, reason(err))
	}
	if !info.IsDir() {
		return r.file(path, info.Mode())
	}
	var out []*Document
	err = filepath.WalkDir(path, func(at string, entry fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("reading %s: %w", at, reason(err))
		}
		hidden := strings.HasPrefix(entry.Name(), ".") && at != path && entry.Name() != ".."
		switch {
		case entry.IsDir() && hidden:
			return filepath.SkipDir
		case entry.IsDir() || hidden || !named(at):
			return nil
		}
		info, err := os.Stat(at)
		if err != nil {
			return fmt.Errorf("reading %s: %w", at, reason(err))
		}
		docs, err := r.file(at, info.Mode())
		out = append(out, docs...)
		return r.goOn(err)
	})
	return out, err
}

// goOn keeps an error for the end, if somebody listens.
func (r *Reader) goOn(err error) error {
	if err == nil || r.Unread == nil {
		return err
	}
	r.Unread(err)
	return nil
}

// reason is a file error without the operation and the path, which the reader says in words of its own.
func reason(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	return err
}

func named(path string) bool {
	switch filepath.Ext(path) {
	case ".yaml", ".yml", ".json":
		return true
	}
	return false
}

func (r *Reader) file(path string, mode fs.FileMode) ([]*Document, error) {
	if mode.IsDir() {
		return nil, nil
	}
	if !mode.IsRegular() && mode&(fs.ModeNamedPipe|fs.ModeCharDevice) == 0 {
		return nil, fmt.Errorf("reading %s: not a file that can be read", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, reason(err))
	}
	defer f.Close() //nolint:errcheck // it was only read
	return r.parse(path, f)
}

func (r *Reader) parse(name string, from io.Reader) ([]*Document, error) {
	if r.files++; r.files > maxFiles {
		return nil, fmt.Errorf("reading %s: more than %d files; name the folders that matter", name, maxFiles)
	}
	text, err := io.ReadAll(io.LimitReader(from, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, reason(err))
	}
	if r.total += len(text); len(text) > maxFile || r.total > maxTotal {
		return nil, fmt.Errorf("reading %s: more than %d MiB of a file, or %d of all, are not read", name, maxFile>>20, maxTotal>>20)
	}
	return Parse(name, text)
}

// Parse reads the documents of one text.
func Parse(name string, text []byte) ([]*Document, error) {
	if bytes.IndexByte(text, 0) >= 0 || !utf8.Valid(text) {
		return nil, fmt.Errorf("reading %s: not text, so neither YAML nor JSON", name)
	}
	var out []*Document
	for _, part := range split(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))) {
		d := &Document{File: name, Line: part.line, text: part.text}
		raw, err := yaml.YAMLToJSONStrict(part.text)
		if err != nil {
			return nil, d.refused(err)
		}
		if d.JSON = raw; string(raw) == "null" {
			continue
		}
		items, err := d.objects()
		if err != nil {
			return nil, err
		}
		out = append(out, items...)
	}
	return out, nil
}

// objects is the document, or the items if it is a List of them.
func (d *Document) objects() ([]*Document, error) {
	u := &unstructured.Unstructured{}
	if d.JSON[0] != '{' || u.UnmarshalJSON(d.JSON) != nil || u.GetAPIVersion() == "" {
		return []*Document{d}, nil
	}
	items, isList := u.Object["items"].([]any)
	if d.Object = u; !isList || u.GetKind() != "List" {
		return []*Document{d}, nil
	}
	var out []*Document
	for i, item := range items {
		object, ok := item.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("%s: item %d of the List is no object", d.Place("items"), i)
		}
		one := &unstructured.Unstructured{Object: object}
		raw, err := one.MarshalJSON()
		if err != nil {
			return nil, fmt.Errorf("%s: item %d of the List has no kind", d.Place("items"), i)
		}
		out = append(out, &Document{File: d.File, Line: d.Line, Object: one, JSON: raw, text: d.text, within: fmt.Sprintf("items[%d]", i)})
	}
	return out, nil
}

// part is a document as it stands in its file.
type part struct {
	line int
	text []byte
}

// split cuts a file where a line begins with three dashes. What is only
// comments, directives or nothing is no document.
func split(text []byte) []part {
	var out []part
	from, line, at, number, full := 0, 1, 0, 1, false
	end := func(to int) {
		if full {
			out = append(out, part{line, text[from:to]})
		}
	}
	for l := range bytes.Lines(text) {
		if bytes.HasPrefix(l, []byte("---")) {
			end(at)
			from, line, full = at, number, len(bytes.TrimSpace(l)) > len("---")
		} else if t := bytes.TrimSpace(l); len(t) > 0 && t[0] != '#' && t[0] != '%' && string(t) != "..." {
			full = true
		}
		at += len(l)
		number++
	}
	end(len(text))
	return out
}
