// SPDX-License-Identifier: Apache-2.0

package ytt

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"carvel.dev/ytt/pkg/orderedmap"
)

// readValues reads a JSON object into what ytt takes for data values: keys in
// their order, whole numbers whole. The data are half of the work of a small
// template, and a reader of tokens takes four times as long as this.
func readValues(raw []byte) (*orderedmap.Map, error) {
	r := reader{raw: raw, depth: maxInputDepth}
	value, err := r.value()
	if err != nil {
		return nil, fmt.Errorf("at byte %d: %w", r.at, err)
	}
	r.blank()
	m, ok := value.(*orderedmap.Map)
	if !ok || r.at != len(raw) {
		return nil, errors.New("not one object")
	}
	return m, nil
}

var (
	errSyntax = errors.New("not JSON")
	errDeep   = errors.New("nested too deep")
)

type reader struct {
	raw   []byte
	at    int
	depth int // how much deeper it may get
}

func (r *reader) blank() {
	for r.at < len(r.raw) {
		switch r.raw[r.at] {
		case ' ', '\t', '\n', '\r':
			r.at++
		default:
			return
		}
	}
}

// peek is the next byte that is no blank, or 0 at the end.
func (r *reader) peek() byte {
	r.blank()
	if r.at == len(r.raw) {
		return 0
	}
	return r.raw[r.at]
}

// take passes over the next byte if it is b.
func (r *reader) take(b byte) bool {
	if r.peek() != b {
		return false
	}
	r.at++
	return true
}

func (r *reader) value() (any, error) {
	switch r.peek() {
	case '{':
		return r.nested(r.object)
	case '[':
		return r.nested(r.list)
	case '"':
		return r.text()
	case 't':
		return true, r.word("true")
	case 'f':
		return false, r.word("false")
	case 'n':
		return nil, r.word("null")
	}
	return r.number()
}

func (r *reader) nested(read func() (any, error)) (any, error) {
	if r.depth == 0 {
		return nil, errDeep
	}
	r.depth--
	r.at++
	value, err := read()
	r.depth++
	return value, err
}

func (r *reader) object() (any, error) {
	var items []orderedmap.MapItem
	for !r.take('}') {
		if len(items) > 0 && !r.take(',') {
			return nil, errSyntax
		}
		if r.peek() != '"' {
			return nil, errSyntax
		}
		key, err := r.text()
		if err != nil {
			return nil, err
		}
		if !r.take(':') {
			return nil, errSyntax
		}
		value, err := r.value()
		if err != nil {
			return nil, err
		}
		items = append(items, orderedmap.MapItem{Key: key, Value: value})
	}
	return orderedmap.NewMapWithItems(items), nil
}

func (r *reader) list() (any, error) {
	list := []any{}
	for !r.take(']') {
		if len(list) > 0 && !r.take(',') {
			return nil, errSyntax
		}
		value, err := r.value()
		if err != nil {
			return nil, err
		}
		list = append(list, value)
	}
	return list, nil
}

// text reads a string; one with escapes is left to the library.
func (r *reader) text() (string, error) {
	from := r.at
	escaped := false
	for r.at++; r.at < len(r.raw); r.at++ {
		switch b := r.raw[r.at]; {
		case b == '"':
			r.at++
			if !escaped {
				return string(r.raw[from+1 : r.at-1]), nil
			}
			var s string
			err := json.Unmarshal(r.raw[from:r.at], &s)
			return s, err
		case b == '\\':
			escaped = true
			r.at++
		case b < ' ':
			return "", errSyntax
		}
	}
	return "", errSyntax
}

func (r *reader) word(word string) error {
	if end := r.at + len(word); end <= len(r.raw) && string(r.raw[r.at:end]) == word {
		r.at = end
		return nil
	}
	return errSyntax
}

func (r *reader) number() (any, error) {
	from := r.at
	for r.at < len(r.raw) && isNumber(r.raw[r.at]) {
		r.at++
	}
	if !json.Valid(r.raw[from:r.at]) { // strconv takes more than JSON does: 007
		return nil, errSyntax
	}
	s := string(r.raw[from:r.at])
	if i, err := strconv.ParseInt(s, 10, 64); err == nil {
		return i, nil
	}
	if u, err := strconv.ParseUint(s, 10, 64); err == nil {
		return u, nil
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return nil, errSyntax
	}
	return f, nil
}

func isNumber(b byte) bool {
	return b >= '0' && b <= '9' || b == '-' || b == '+' || b == '.' || b == 'e' || b == 'E'
}
