// SPDX-License-Identifier: Apache-2.0

package paper

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/blueprint"
	"rhumb.run/rhumb/internal/core/owner"
	"rhumb.run/rhumb/internal/core/runnable"
	"rhumb.run/rhumb/internal/core/template"
)

// Set is what documents say, by what it is for.
type Set struct {
	Blueprints   []blueprint.Object
	Templates    []template.Object
	RunTemplates []template.Object
	Owners       []owner.Object
	Runnables    []runnable.Object
	// Others are objects of other groups.
	Others []*unstructured.Unstructured
	// From is the document of each typed object.
	From map[any]*Document
}

// Sort makes typed objects of documents. A field that its kind does not have is
// refused, as the API server refuses it to kubectl. What is no Kubernetes
// object is left out.
func Sort(docs []*Document) (*Set, error) {
	s := &Set{From: map[any]*Document{}}
	for _, d := range docs {
		if d.Object == nil {
			continue
		}
		if err := s.take(d); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *Set) take(d *Document) error {
	kind := d.Object.GetKind()
	gv := d.Object.GroupVersionKind().GroupVersion()
	if gv.Group != v1alpha1.SchemeGroupVersion.Group {
		s.Others = append(s.Others, d.Object)
		return nil
	}
	if gv != v1alpha1.SchemeGroupVersion {
		return fmt.Errorf("%s: there is no %s, only %s", d.Value("apiVersion"), gv, v1alpha1.SchemeGroupVersion)
	}
	switch {
	case blueprint.New[kind] != nil:
		return typed(s, d, &s.Blueprints, blueprint.New[kind]())
	case template.New[kind] != nil:
		return typed(s, d, &s.Templates, template.New[kind]())
	case owner.New[kind] != nil:
		return typed(s, d, &s.Owners, owner.New[kind]())
	case runnable.New[kind] != nil:
		return typed(s, d, &s.Runnables, runnable.New[kind]())
	case template.NewRun[kind] != nil:
		return typed(s, d, &s.RunTemplates, template.NewRun[kind]())
	}
	return fmt.Errorf("%s: there is no kind %s in %s%s", d.Value("kind"), kind, gv, Suggest(kind, Kinds()))
}

func typed[T any](s *Set, d *Document, into *[]T, object T) error {
	if err := d.Into(object); err != nil {
		return err
	}
	*into = append(*into, object)
	s.From[object] = d
	return nil
}

// Into decodes the document, strictly.
func (d *Document) Into(object any) error {
	dec := json.NewDecoder(strings.NewReader(string(d.JSON)))
	dec.DisallowUnknownFields()
	err := dec.Decode(object)
	if err == nil {
		return nil
	}
	text := strings.TrimPrefix(err.Error(), "json: ")
	if wrong, ok := err.(*json.UnmarshalTypeError); ok { //nolint:errorlint // the decoder returns it bare
		return fmt.Errorf("%s: %s must be %s, not %s", d.Value(wrong.Field), wrong.Field, goType(wrong.Type.Kind().String()), wrong.Value)
	}
	if name, ok := strings.CutPrefix(text, "unknown field "); ok {
		name = strings.Trim(name, `"`)
		what := "the file"
		if d.Object != nil {
			what = d.Object.GetKind()
		}
		return fmt.Errorf("%s: %s has no field %q", d.keyNamed(name), what, name)
	}
	return fmt.Errorf("%s: %s", d.Place(""), text)
}

func goType(kind string) string {
	switch kind {
	case "struct", "map", "ptr", "interface":
		return "an object"
	case "slice", "array":
		return "a list"
	case "string":
		return "text"
	case "bool":
		return "true or false"
	}
	return "a number"
}

// keyNamed is the first place where a key of this name stands.
func (d *Document) keyNamed(name string) Place {
	n, _ := d.find("")
	if key := keyNamed(n, name); key != nil {
		return d.at(key)
	}
	return d.Place("")
}

// Kinds are the kinds of carto.run/v1alpha1 that are read.
func Kinds() []string {
	var out []string
	out = slices.AppendSeq(out, maps.Keys(blueprint.New))
	out = slices.AppendSeq(out, maps.Keys(template.New))
	out = slices.AppendSeq(out, maps.Keys(owner.New))
	out = slices.AppendSeq(out, maps.Keys(runnable.New))
	out = slices.AppendSeq(out, maps.Keys(template.NewRun))
	slices.Sort(out)
	return out
}

// Name is how a person names an object: Kind/name.
func Name(u *unstructured.Unstructured) string {
	name := u.GetName()
	if name == "" {
		name = u.GetGenerateName() + "*"
	}
	return u.GetKind() + "/" + name
}
