// SPDX-License-Identifier: Apache-2.0

package render

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	kjson "k8s.io/apimachinery/pkg/util/json"

	"rhumb.run/rhumb/internal/core/path"
)

const (
	openTag  = "$("
	closeTag = ")$"
)

// Template is a compiled $(…)$ template.
type Template struct{ root node }

// node is a part of a template: what it becomes may depend on the context.
type node interface {
	eval(at string, data any) (any, error)
}

// Compile reads a template's JSON. A tag that cannot be parsed does not fail
// here but where it is rendered, with the path at which it stands.
func Compile(raw []byte) (*Template, error) {
	var tree any
	if err := kjson.Unmarshal(raw, &tree); err != nil {
		return nil, fmt.Errorf("unmarshal to JSON: %w", err)
	}
	if _, ok := tree.(map[string]any); !ok {
		return nil, errors.New("template is not an object")
	}
	return &Template{compile(tree)}, nil
}

// Render replaces every tag by its value in data. A string that is one tag and
// nothing else takes the value with its type; tags among other text are
// written into it.
func (t *Template) Render(data any) (map[string]any, error) {
	out, err := t.root.eval("", data)
	if err != nil {
		return nil, fmt.Errorf("failed to recursively evaluate template: %w", err)
	}
	return out.(map[string]any), nil
}

func compile(tree any) node {
	switch x := tree.(type) {
	case string:
		return compileString(x)
	case map[string]any:
		// Of several tags that cannot be filled in, the same one is named each time.
		m := make(mapNode, 0, len(x))
		for _, key := range slices.Sorted(maps.Keys(x)) {
			m = append(m, entry{key, compile(x[key])})
		}
		return m
	case []any:
		l := make(listNode, 0, len(x))
		for _, value := range x {
			l = append(l, compile(value))
		}
		return l
	}
	return literal{tree}
}

// compileString cuts a string at its tags. An opening that nobody closes is text.
func compileString(s string) node {
	var parts textNode
	rest := s
	for {
		from := strings.Index(rest, openTag)
		if from < 0 {
			break
		}
		length := strings.Index(rest[from+len(openTag):], closeTag)
		if length < 0 {
			break
		}
		if from > 0 {
			parts = append(parts, piece{text: rest[:from]})
		}
		body := rest[from+len(openTag) : from+len(openTag)+length]
		parts = append(parts, piece{tag: newTag(body)})
		rest = rest[from+len(openTag)+length+len(closeTag):]
	}
	if len(parts) == 0 {
		return literal{s}
	}
	if len(parts) == 1 && parts[0].tag != nil && rest == "" {
		return valueNode{parts[0].tag}
	}
	if rest != "" {
		parts = append(parts, piece{text: rest})
	}
	return parts
}

// tag is the body of a $(…)$, parsed; a body that cannot be parsed keeps why.
type tag struct {
	body string
	path *path.Path
	err  error
}

func newTag(body string) *tag {
	p, err := path.Parse(body)
	return &tag{body, p, err}
}

func (t *tag) value(data any) (any, error) {
	if t.err != nil {
		return nil, t.err
	}
	return t.path.Value(data)
}

type literal struct{ value any }

func (n literal) eval(string, any) (any, error) { return n.value, nil }

type entry struct {
	key   string
	value node
}

type mapNode []entry

func (n mapNode) eval(at string, data any) (any, error) {
	out := make(map[string]any, len(n))
	for _, e := range n {
		v, err := e.value.eval(childPath(at, e.key, e.value), data)
		if err != nil {
			return nil, err
		}
		out[e.key] = v
	}
	return out, nil
}

// childPath is a.b.c for maps; the index of a list stands without a dot after it.
func childPath(at, key string, child node) string {
	switch child.(type) {
	case mapNode, listNode:
		return at + key + "."
	}
	return at + key
}

type listNode []node

func (n listNode) eval(at string, data any) (any, error) {
	out := make([]any, 0, len(n))
	for i, e := range n {
		v, err := e.eval(at+"["+strconv.Itoa(i)+"]", data)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

// valueNode is a string that is one tag: the value keeps its type.
type valueNode struct{ tag *tag }

func (n valueNode) eval(at string, data any) (any, error) {
	v, err := n.tag.value(data)
	if err != nil {
		return nil, fmt.Errorf("failed to interpolate template at path [%s]: evaluate tag $(%s)$: %w", at, n.tag.body, err)
	}
	return v, nil
}

// piece is a stretch of text or a tag within it.
type piece struct {
	text string
	tag  *tag
}

type textNode []piece

func (n textNode) eval(at string, data any) (any, error) {
	var out strings.Builder
	for _, p := range n {
		if p.tag == nil {
			out.WriteString(p.text)
			continue
		}
		s, err := p.tag.inText(data)
		if err != nil {
			return nil, fmt.Errorf("failed to interpolate template at path [%s]: interpolate tag: %w", at, err)
		}
		out.WriteString(s)
	}
	return out.String(), nil
}

func (t *tag) inText(data any) (string, error) {
	v, err := t.value(data)
	if err != nil {
		return "", fmt.Errorf("evaluate jsonpath: %w", err)
	}
	switch x := v.(type) {
	case nil:
		return "", fmt.Errorf("tag must not point to nil value: %s", t.body)
	case string:
		return x, nil
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("evaluate jsonpath: %w", err)
	}
	return string(raw), nil
}

// copyOf keeps what is rendered apart from the template's own literals.
func copyOf(object map[string]any) map[string]any { return runtime.DeepCopyJSON(object) }
