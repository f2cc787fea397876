// SPDX-License-Identifier: Apache-2.0

package ytt

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Data of any content are read as any reader of JSON reads them, or refused.
func FuzzReadValues(f *testing.F) {
	for _, seed := range []string{`{}`, `{"a":[1,-2.5e3,"x\"ü\\",true,null,{},[]]}`, `{"a":18446744073709551615}`, `{"a":1e400}`, `{"a":-0}`, `{"a":"\ud83d\ude00\ud83d"}`, `{"a":1,"a":2}`, `{"a":`, "{\"\xff\":1}"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		read, err := readValues(raw)
		var want map[string]any
		if bad := json.Unmarshal(raw, &want); bad != nil || want == nil {
			var number *json.UnmarshalTypeError // of a number without end ytt makes what it can
			if err == nil && !errors.As(bad, &number) {
				t.Fatalf("%q is read, and is no object: %v", raw, bad)
			}
			return
		}
		if err != nil {
			t.Fatalf("%q is not read: %v", raw, err)
		}
		out, err := writeJSON(read, Limits{Depth: maxInputDepth, Output: 10*len(raw) + 100})
		if err != nil {
			return // what was read twice under one key, or has no word in JSON, is not written
		}
		var got map[string]any
		if err := json.Unmarshal(out, &got); err != nil {
			t.Fatalf("%q becomes %q, which is not JSON: %v", raw, out, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q is read as %q:\n%s", raw, out, diff)
		}
	})
}

// Templates and data of any content become an object or an error, in time, and
// the helper, or the next one, serves whoever comes then.
func FuzzPool(f *testing.F) {
	for _, set := range []map[string]string{short, long} {
		for _, text := range set {
			f.Add(text, pageValues)
		}
	}
	f.Add(selfReference, secret)
	f.Add("#@ load('@ytt:data', 'data')\na: #@ data.values.a.b[0]\n", []byte(`{"a":{"b":[null]}}`))
	f.Add("#@ for", []byte(`{}`))
	p := newPool(f, Options{Size: 1, Time: time.Second})
	f.Fuzz(func(t *testing.T, text string, values []byte) {
		out, err := p.Render(t.Context(), program(text), values)
		if err == nil && len(out) > 0 && !json.Valid(out) {
			t.Errorf("%q yields %q", text, out)
		}
		served(t, p)
	})
}
