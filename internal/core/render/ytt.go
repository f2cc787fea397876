// SPDX-License-Identifier: Apache-2.0

package render

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	kjson "k8s.io/apimachinery/pkg/util/json"

	"rhumb.run/rhumb/internal/core/digest"
)

// Engine evaluates ytt templates. It may take its time, and a template may do
// its worst: an error is the answer to this one call.
type Engine interface {
	// Render gives the first document that the program yields, as JSON, or
	// nothing if it yields none. Values is a JSON object, each key of which
	// the program reads as data.values.<key>.
	Render(ctx context.Context, program Program, values []byte) ([]byte, error)
}

// Program is the text of a template; equal texts have equal digests.
type Program struct{ Text, Digest string }

// yttBody renders through engine. The template sees the context as it would be
// written down: what is unset is not there, unlike with $(…)$.
func yttBody(text string, engine Engine) Body {
	program := Program{Text: text, Digest: digest.Of(text)}
	return func(ctx context.Context, data any) (map[string]any, error) {
		if engine == nil {
			return nil, errors.New("unable to apply ytt template: nothing here evaluates ytt")
		}
		values, err := json.Marshal(data)
		if err != nil {
			return nil, fmt.Errorf("unable to marshal template context: %w", err)
		}
		out, err := engine.Render(ctx, program, values)
		if err != nil {
			return nil, fmt.Errorf("unable to apply ytt template: %w", err)
		}
		return object(out)
	}
}

// object reads what a program yielded; whole numbers stay whole.
func object(out []byte) (map[string]any, error) {
	if len(out) == 0 {
		return nil, errors.New("unable to apply ytt template: it yields no document")
	}
	var value any
	if err := kjson.Unmarshal(out, &value); err != nil {
		return nil, fmt.Errorf("unable to apply ytt template: reading what it yields: %w", err)
	}
	u, ok := value.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("unable to apply ytt template: its first document is %s, not an object", kindOf(value))
	}
	return u, nil
}

// kindOf names the sort of a value, never the value.
func kindOf(value any) string {
	switch value.(type) {
	case nil:
		return "empty"
	case string:
		return "a text"
	case bool:
		return "a boolean"
	case []any:
		return "a list"
	}
	return "a number"
}
