// SPDX-License-Identifier: Apache-2.0

// Package output is what a step hands on.
//
//	live object ─Read(paths)─▶ Output ─┬─▶ inputs of later steps
//	                                   └─▶ status: preview and digest of each value
//
// An output belongs to the spec that was applied: an object that says it has
// not yet observed its newest spec has no output yet.
package output

import (
	"bytes"
	"fmt"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"rhumb.run/rhumb/internal/core/digest"
	"rhumb.run/rhumb/internal/core/path"
)

// The names that outputs go by, in the order in which they are reported.
const (
	URL      = "url"
	Revision = "revision"
	Image    = "image"
	Config   = "config"
)

// Names is every output name in order.
var Names = []string{URL, Revision, Image, Config}

// Output is what a step yields: values of any JSON type by name. Nil means
// that there is none (yet).
type Output map[string]any

// Field is one value that a template promises, and where it stands.
type Field struct {
	Name string
	Path *path.Path
}

// MissingError says which value could not be read.
type MissingError struct {
	Path string
	Err  error
	// Unobserved is true if the object has not looked at its newest spec yet.
	Unobserved bool
}

// Error names the path and why nothing was found there.
func (e *MissingError) Error() string {
	return fmt.Sprintf("failed to evaluate path [%s]: %v", e.Path, e.Err)
}

// Unwrap gives the cause.
func (e *MissingError) Unwrap() error { return e.Err }

// Read takes the promised values from a live object.
func Read(fields []Field, live *unstructured.Unstructured) (Output, error) {
	if len(fields) == 0 {
		return nil, nil
	}
	if seen, newest, says := Observed(live); says && seen != newest {
		return nil, &MissingError{
			Path: fields[0].Path.String(), Unobserved: true,
			Err: fmt.Errorf("generation %d is not observed yet, the object's status is about %d", newest, seen),
		}
	}
	out := make(Output, len(fields))
	for _, f := range fields {
		value, err := f.Path.Value(live.Object)
		if err != nil {
			return nil, &MissingError{Path: f.Path.String(), Err: err}
		}
		out[f.Name] = value
	}
	return out, nil
}

// Observed tells which generation an object's status is about, and whether the
// object says so at all; one that does not is taken at its word.
func Observed(live *unstructured.Unstructured) (seen, newest int64, says bool) {
	seen, says, err := unstructured.NestedInt64(live.Object, "status", "observedGeneration")
	return seen, live.GetGeneration(), says && err == nil
}

// Done is an object that says that it is done with its newest spec, or that does not speak of such things. One whose
// condition Ready or Succeeded is not True yet may still show what it made of an earlier spec.
func Done(live *unstructured.Unstructured) bool {
	if seen, newest, says := Observed(live); says && seen != newest {
		return false
	}
	value, _, _ := unstructured.NestedFieldNoCopy(live.Object, "status", "conditions")
	list, _ := value.([]any)
	for _, kind := range []string{"Ready", "Succeeded"} {
		for _, e := range list {
			if c, ok := e.(map[string]any); ok && c["type"] == kind {
				of, says := c["observedGeneration"].(int64)
				return c["status"] == "True" && (!says || of == 0 || of == live.GetGeneration())
			}
		}
	}
	return true
}

// Telling are the outputs by which two sets of them are told apart, each sort by one.
var Telling = []string{Revision, Image, Config}

// Digest is that of the output that tells most, as the status shows it; "" if there is none.
func (o Output) Digest() string {
	for _, name := range Telling {
		if value, ok := o[name]; ok {
			return digest.Bytes(encode(value))
		}
	}
	return ""
}

// previewLimit is how many bytes of a value are shown in a status.
const previewLimit = 1024

// Shown is a value as a status shows it.
type Shown struct{ Name, Preview, Digest string }

// Show gives name, preview and digest of each value, in the order of Names.
// Both are of the value's YAML.
func (o Output) Show() []Shown {
	var out []Shown
	for _, name := range Names {
		value, ok := o[name]
		if !ok {
			continue
		}
		text := encode(value)
		out = append(out, Shown{name, preview(text), digest.Bytes(text)})
	}
	return out
}

// encode is YAML as Cartographer wrote it (4 spaces, final newline): digests
// in existing statuses stay what they are.
func encode(value any) []byte {
	var buf bytes.Buffer
	enc := yaml.NewEncoder(&buf)
	enc.SetIndent(4)
	if err := enc.Encode(value); err != nil {
		// Plain JSON values always encode.
		panic("encoding output: " + err.Error())
	}
	return buf.Bytes()
}

func preview(text []byte) string {
	if len(text) > previewLimit {
		text = text[:previewLimit]
	}
	return string(bytes.ToValidUTF8(text, nil))
}
