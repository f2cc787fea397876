// SPDX-License-Identifier: Apache-2.0

package story

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/tools/txtar"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	kyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"rhumb.run/rhumb/internal/core/blueprint"
	"rhumb.run/rhumb/internal/core/owner"
	"rhumb.run/rhumb/internal/core/render"
	"rhumb.run/rhumb/internal/core/runnable"
	"rhumb.run/rhumb/internal/core/template"
)

// The files of a story.
const (
	blueprintFile = "blueprint.yaml"
	templatesFile = "templates.yaml"
	ownerFile     = "owner.yaml"
	objectsFile   = "observed/objects.yaml"
	statusFile    = "observed/status.yaml"
	faultsFile    = "faults.txt"
	wantPrefix    = "want/"
)

var givenFiles = []string{blueprintFile, templatesFile, ownerFile, objectsFile, statusFile, faultsFile}

// Story is one behaviour: what is there, and what is wanted.
type Story struct {
	Prose      string
	Blueprints []blueprint.Object
	Templates  []template.Object
	// Owner is the Workload or Deliverable; or Runnable, a *v1alpha1.Runnable or *v1alpha1.Pipeline, is there in its place.
	Owner    owner.Object
	Runnable runnable.Object
	// Objects are there before the walk; Reports are what controllers show on objects.
	Objects, Reports []*unstructured.Unstructured
	Faults           []Fault
	// Engine evaluates ytt templates; nil if there is none.
	Engine render.Engine
	// Want is the text of each want file, by its name.
	Want map[string]string

	// unchecked are the blueprints whose status nobody wrote yet.
	unchecked map[blueprint.Object]bool
	archive   *txtar.Archive
}

// Load reads a story. What it does not know it refuses, so that a typo in a
// file's name or a field never makes a story that shows nothing.
func Load(text []byte) (*Story, error) {
	a := txtar.Parse(text)
	s := &Story{Prose: strings.TrimSpace(string(a.Comment)), Want: map[string]string{}, unchecked: map[blueprint.Object]bool{}, archive: a}
	if s.Prose == "" {
		return nil, errors.New("a story begins with prose: say what it shows")
	}
	for _, f := range a.Files {
		if err := s.read(f.Name, f.Data); err != nil {
			return nil, fmt.Errorf("reading %s: %w", f.Name, err)
		}
	}
	if s.Owner == nil && s.Runnable == nil {
		return nil, errors.New("a story needs an owner.yaml")
	}
	return s, nil
}

func (s *Story) read(name string, data []byte) (err error) {
	switch {
	case name == blueprintFile:
		return s.blueprints(data)
	case name == templatesFile:
		return s.templates(data)
	case name == ownerFile:
		return s.owner(data)
	case name == objectsFile:
		s.Objects, err = objects(data)
	case name == statusFile:
		s.Reports, err = objects(data)
	case name == faultsFile:
		s.Faults, err = readFaults(string(data))
	case strings.HasPrefix(name, wantPrefix) && wanted[strings.TrimPrefix(name, wantPrefix)]:
		s.Want[strings.TrimPrefix(name, wantPrefix)] = string(data)
	default:
		return fmt.Errorf("no such file in a story: there are %s, and those under want/: %s", strings.Join(givenFiles, ", "), strings.Join(wantFiles, ", "))
	}
	return err
}

// owner reads who asks for something: a Workload or Deliverable, or one who asks for runs.
func (s *Story) owner(data []byte) (err error) {
	var who metav1.Object
	s.Runnable, err = read("runnable", runnable.New, data)
	if errors.As(err, &unknownKindError{}) {
		s.Owner, err = read("owner", owner.New, data)
		who = s.Owner
	} else {
		who = s.Runnable
	}
	if err != nil {
		return err
	}
	if who.GetName() == "" {
		return errors.New("the owner needs a name")
	}
	// What an API server would have filled in.
	if who.GetNamespace() == "" {
		who.SetNamespace("default")
	}
	if who.GetUID() == "" {
		who.SetUID("uid-of-" + types.UID(who.GetName()))
	}
	return nil
}

func (s *Story) blueprints(data []byte) error {
	return eachDocument(data, func(doc []byte) error {
		object, err := read("blueprint", blueprint.New, doc)
		if err != nil {
			return err
		}
		var raw map[string]any
		if err := yaml.Unmarshal(doc, &raw); err != nil {
			return err
		}
		_, checked := raw["status"]
		s.unchecked[object] = !checked
		s.Blueprints = append(s.Blueprints, object)
		return nil
	})
}

func (s *Story) templates(data []byte) error {
	return eachDocument(data, func(doc []byte) error {
		object, err := read("template", template.Kinds(), doc)
		if err != nil {
			return err
		}
		s.Templates = append(s.Templates, object)
		return nil
	})
}

// unknownKindError says that a file holds something else.
type unknownKindError struct{ noun, kind string }

func (e unknownKindError) Error() string { return fmt.Sprintf("no such %s kind [%s]", e.noun, e.kind) }

// read makes an object of one of the kinds that a file may hold.
func read[T any](noun string, kinds map[string]func() T, doc []byte) (T, error) {
	var none T
	var head struct {
		Kind string `json:"kind"`
	}
	if err := yaml.Unmarshal(doc, &head); err != nil {
		return none, err
	}
	empty, known := kinds[head.Kind]
	if !known {
		return none, unknownKindError{noun, head.Kind}
	}
	object := empty()
	if err := yaml.UnmarshalStrict(doc, object); err != nil {
		return none, err
	}
	return object, nil
}

// objects reads documents the way a client reads answers: whole numbers are int64.
func objects(data []byte) ([]*unstructured.Unstructured, error) {
	var out []*unstructured.Unstructured
	err := eachDocument(data, func(doc []byte) error {
		raw, err := yaml.YAMLToJSONStrict(doc)
		if err != nil {
			return err
		}
		u := &unstructured.Unstructured{}
		if err := u.UnmarshalJSON(raw); err != nil {
			return err
		}
		out = append(out, u)
		return nil
	})
	return out, err
}

func eachDocument(data []byte, do func([]byte) error) error {
	docs := kyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(data)))
	for n := 1; ; n++ {
		doc, err := docs.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if len(bytes.TrimSpace(doc)) == 0 {
			continue
		}
		if err := do(doc); err != nil {
			return fmt.Errorf("document %d: %w", n, err)
		}
	}
}
