// SPDX-License-Identifier: Apache-2.0

// Package path evaluates the JSONPaths of templates, once parsed as often as
// one likes and from any number of goroutines.
//
//	"status.url" ─Parse─▶ Path ─Value(data)─▶ one JSON value, or why there is none
//
// Data may be plain JSON (maps, slices, scalars) or typed API objects, which
// are walked by their json tags: an unset string is "", an unset pointer is
// null, and only a step through nothing is missing. Templates in the wild rely
// on that difference. The values handed out are plain JSON.
package path

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/json"
	"k8s.io/client-go/util/jsonpath"
)

// Path is a parsed JSONPath.
type Path struct {
	text string
	// A parsed jsonpath.JSONPath keeps state while it walks, so each walker takes its own.
	walkers *sync.Pool
	// once is true if a walker is spent after one walk: a range leaves it in the middle of its nodes.
	once bool
}

// ErrNotFound is the cause of every error that says that nothing is at a path.
var ErrNotFound = errors.New("jsonpath returned empty list")

// Parse reads an expression, with or without the braces and the leading dot.
func Parse(expr string) (*Path, error) {
	if strings.TrimSpace(expr) == "" {
		return nil, errors.New("empty jsonpath not allowed")
	}
	full := wrap(expr)
	first, err := parse(full)
	if err != nil {
		return nil, fmt.Errorf("evaluate: failed to parse jsonpath '%s': %w", expr, err)
	}
	p := &Path{text: expr, once: ranges(full), walkers: &sync.Pool{New: func() any {
		again, _ := parse(full) // parsed above: cannot fail
		return again
	}}}
	p.walkers.Put(first)
	return p, nil
}

// String is the expression as it was written.
func (p *Path) String() string { return p.text }

// Value is the one value at the path: anything but exactly one is an error.
func (p *Path) Value(data any) (value any, err error) {
	defer survive(&err, "failed to read results")
	found, err := p.find(data)
	if err != nil {
		return nil, err
	}
	switch len(found) {
	case 0:
		return nil, fmt.Errorf("%w: %s", ErrNotFound, p.text)
	case 1:
		return plain(found[0])
	}
	return nil, fmt.Errorf("too many results for the query: %s", p.text)
}

func (p *Path) find(data any) (found []reflect.Value, err error) {
	defer survive(&err, "evaluate: failed to find results")
	walker := p.walkers.Get().(*jsonpath.JSONPath)
	sets, err := walker.FindResults(data)
	if !p.once { // nor after a panic: who knows what it left behind
		p.walkers.Put(walker)
	}
	if err != nil {
		return nil, fmt.Errorf("evaluate: failed to find results: %w", err)
	}
	if len(sets) > 1 {
		return nil, fmt.Errorf("evaluate: more queries than expected: %s", p.text)
	}
	if len(sets) == 0 {
		return nil, nil
	}
	return sets[0], nil
}

func parse(full string) (j *jsonpath.JSONPath, err error) {
	defer survive(&err, "unusable expression")
	j = jsonpath.New("").AllowMissingKeys(true)
	return j, j.Parse(full)
}

// ranges is true of an expression with a {range} or an {end}.
func ranges(full string) bool {
	parser, err := jsonpath.Parse("", full)
	return err == nil && hasIdentifier(parser.Root)
}

func hasIdentifier(list *jsonpath.ListNode) bool {
	for _, n := range list.Nodes {
		inner, isList := n.(*jsonpath.ListNode)
		if n.Type() == jsonpath.NodeIdentifier || isList && hasIdentifier(inner) {
			return true
		}
	}
	return false
}

// survive turns a panic of the engine, which some expressions provoke, into an
// error: a tenant's path must not end the process of all the others.
func survive(err *error, doing string) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("%s: %v", doing, p)
	}
}

// wrap adds the braces and the dot that people leave out.
func wrap(expr string) string {
	switch {
	case strings.HasPrefix(expr, "{"):
		if strings.HasSuffix(expr, "}") {
			return expr
		}
		return expr + "}"
	case strings.HasPrefix(expr, "."), strings.HasPrefix(expr, "["), strings.HasPrefix(expr, "$"):
		return "{" + expr + "}"
	}
	return "{." + expr + "}"
}

// plain turns what a walk found into JSON values that share nothing with it.
func plain(v reflect.Value) (any, error) {
	if !v.IsValid() || (v.Kind() == reflect.Interface || v.Kind() == reflect.Pointer) && v.IsNil() {
		return nil, nil
	}
	switch x := v.Interface().(type) {
	case string, bool, int64, float64:
		return x, nil
	case map[string]any, []any:
		return runtime.DeepCopyJSONValue(x), nil
	default:
		return viaJSON(x)
	}
}

func viaJSON(x any) (any, error) {
	raw, err := json.Marshal(x)
	if err != nil {
		return nil, fmt.Errorf("encoding value: %w", err)
	}
	var out any
	if err := json.Unmarshal(raw, &out); err != nil {
		return nil, fmt.Errorf("decoding value: %w", err)
	}
	return out, nil
}
