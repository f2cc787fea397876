// SPDX-License-Identifier: Apache-2.0

package ytt

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"

	"carvel.dev/ytt/pkg/orderedmap"
	"carvel.dev/ytt/pkg/yamlmeta"
)

// writeJSON writes what a template made, within limits.
func writeJSON(value any, limits Limits) ([]byte, error) {
	w := writer{limits: limits}
	if err := w.write(value, 0); err != nil {
		return nil, err
	}
	return w.out, nil
}

type writer struct {
	limits Limits
	out    []byte
}

func (w *writer) write(value any, depth int) error {
	if depth > w.limits.Depth {
		return fmt.Errorf("the object is nested deeper than %d", w.limits.Depth)
	}
	switch x := value.(type) {
	case *yamlmeta.Map:
		items := make([]orderedmap.MapItem, 0, len(x.Items))
		for _, item := range x.Items {
			items = append(items, orderedmap.MapItem{Key: item.Key, Value: item.Value})
		}
		return w.object(items, depth)
	case *orderedmap.Map:
		var items []orderedmap.MapItem
		x.Iterate(func(k, v any) { items = append(items, orderedmap.MapItem{Key: k, Value: v}) })
		return w.object(items, depth)
	case *yamlmeta.Array:
		values := make([]any, 0, len(x.Items))
		for _, item := range x.Items {
			values = append(values, item.Value)
		}
		return w.list(values, depth)
	case []any:
		return w.list(x, depth)
	}
	return w.scalar(value)
}

func (w *writer) object(items []orderedmap.MapItem, depth int) error {
	w.out = append(w.out, '{')
	seen := make(map[string]bool, len(items))
	for i, item := range items {
		key, err := keyText(item.Key)
		if err != nil {
			return err
		}
		if seen[key] {
			return fmt.Errorf("the object has the key %q twice", key)
		}
		seen[key] = true
		if i > 0 {
			w.out = append(w.out, ',')
		}
		if err := w.scalar(key); err != nil {
			return err
		}
		w.out = append(w.out, ':')
		if err := w.write(item.Value, depth+1); err != nil {
			return err
		}
	}
	return w.close('}')
}

func (w *writer) list(values []any, depth int) error {
	w.out = append(w.out, '[')
	for i, value := range values {
		if i > 0 {
			w.out = append(w.out, ',')
		}
		if err := w.write(value, depth+1); err != nil {
			return err
		}
	}
	return w.close(']')
}

func (w *writer) close(end byte) error {
	w.out = append(w.out, end)
	return w.fits()
}

func (w *writer) fits() error {
	if len(w.out) > w.limits.Output {
		return fmt.Errorf("the object is larger than %d bytes", w.limits.Output)
	}
	return nil
}

func (w *writer) scalar(value any) error {
	if f, ok := value.(float64); ok && (math.IsNaN(f) || math.IsInf(f, 0)) {
		return errors.New("the object holds a number that JSON has no word for")
	}
	raw, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("the object holds a %T, which JSON has no word for", value)
	}
	w.out = append(w.out, raw...)
	return w.fits()
}

// keyText is a key as YAML would have it read as JSON.
func keyText(key any) (string, error) {
	switch x := key.(type) {
	case string:
		return x, nil
	case int, int64, uint64, bool:
		return fmt.Sprint(x), nil
	case float64:
		return strconv.FormatFloat(x, 'g', -1, 64), nil
	}
	return "", fmt.Errorf("the object has a key that is a %T, not a text", key)
}
