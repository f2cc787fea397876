// SPDX-License-Identifier: Apache-2.0

package output_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"rhumb.run/rhumb/internal/core/digest"
	"rhumb.run/rhumb/internal/core/output"
	"rhumb.run/rhumb/internal/core/path"
)

func fields(t testing.TB, pairs ...string) []output.Field {
	t.Helper()
	var out []output.Field
	for i := 0; i < len(pairs); i += 2 {
		p, err := path.Parse(pairs[i+1])
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, output.Field{Name: pairs[i], Path: p})
	}
	return out
}

func object(text string) *unstructured.Unstructured {
	u := &unstructured.Unstructured{}
	if err := u.UnmarshalJSON([]byte(text)); err != nil {
		panic(err)
	}
	return u
}

func TestRead(t *testing.T) {
	cases := map[string]struct {
		why, live string
		want      output.Output
		missing   string
		unseen    bool
	}{
		"Both":        {why: "all values are there", live: `{"kind":"T","status":{"u":"http://x","r":"abc"}}`, want: output.Output{"url": "http://x", "revision": "abc"}},
		"AnyType":     {why: "of any type", live: `{"kind":"T","status":{"u":{"a":[1]},"r":5}}`, want: output.Output{"url": map[string]any{"a": []any{int64(1)}}, "revision": int64(5)}},
		"FirstLacks":  {why: "the first that lacks is named", live: `{"kind":"T","status":{}}`, missing: ".status.u"},
		"SecondLacks": {why: "one that lacks is enough: no half outputs", live: `{"kind":"T","status":{"u":"x"}}`, missing: ".status.r"},
		"Observed":    {why: "a status of the newest spec", live: `{"kind":"T","metadata":{"generation":3},"status":{"observedGeneration":3,"u":"x","r":"y"}}`, want: output.Output{"url": "x", "revision": "y"}},
		"Behind":      {why: "a status of an older spec is held back", live: `{"kind":"T","metadata":{"generation":3},"status":{"observedGeneration":2,"u":"x","r":"y"}}`, missing: ".status.u", unseen: true},
		"Ahead":       {why: "so is one of a spec that is not there", live: `{"kind":"T","metadata":{"generation":3},"status":{"observedGeneration":4,"u":"x","r":"y"}}`, missing: ".status.u", unseen: true},
		"SaysNothing": {why: "who does not say is taken at its word", live: `{"kind":"T","metadata":{"generation":3},"status":{"u":"x","r":"y"}}`, want: output.Output{"url": "x", "revision": "y"}},
		"NoNumber":    {why: "a generation that is no number says nothing", live: `{"kind":"T","metadata":{"generation":3},"status":{"observedGeneration":"2","u":"x","r":"y"}}`, want: output.Output{"url": "x", "revision": "y"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := output.Read(fields(t, output.URL, ".status.u", output.Revision, ".status.r"), object(c.live))
			var missing *output.MissingError
			if errors.As(err, &missing) != (c.missing != "") || missing != nil && (missing.Path != c.missing || missing.Unobserved != c.unseen) {
				t.Fatalf("%s: err = %v, want %q missing", c.why, err, c.missing)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%s:\n%s", c.why, diff)
			}
		})
	}
}

// A template that promises nothing has no output, whatever the object says of itself.
func TestReadNothing(t *testing.T) {
	got, err := output.Read(nil, object(`{"kind":"T","metadata":{"generation":3},"status":{"observedGeneration":2}}`))
	if got != nil || err != nil {
		t.Errorf("Read = %v, %v; want nothing", got, err)
	}
}

func TestMissingErrorTellsWhy(t *testing.T) {
	_, err := output.Read(fields(t, output.Image, ".status.i"), object(`{"kind":"T"}`))
	if want := "failed to evaluate path [.status.i]: jsonpath returned empty list: .status.i"; err == nil || err.Error() != want {
		t.Errorf("err = %v, want %s", err, want)
	}
	if !errors.Is(err, path.ErrNotFound) {
		t.Error("the cause is lost")
	}
	_, err = output.Read(fields(t, output.Image, ".status.i"), object(`{"kind":"T","metadata":{"generation":3},"status":{"observedGeneration":2,"i":"x"}}`))
	if want := "generation 3 is not observed yet, the object's status is about 2"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("err = %v, want %s", err, want)
	}
}

// The digests are what sha256sum says of the YAML, so that statuses of old stay what they are.
func TestShow(t *testing.T) {
	cases := map[string]struct {
		why           string
		value         any
		preview, want string
	}{
		"Text":    {"plain text, and a newline", "knitting", "knitting\n", "sha256:ccea367d03c124f9594e3ba0aa97e533c35a47694f62757e4dce79039ca361d7"},
		"Numeral": {"text that looks like a number is quoted", "5", "\"5\"\n", "sha256:11fd182657d58787e0e5b61c5da79195f8715fef7f957b9cdba2d8a581b2ca33"},
		"Number":  {"a number is not", int64(5), "5\n", "sha256:f0b5c2c2211c8d67ed15e75e656c7862d086e9245420892a7de62cd9ec582a06"},
		"Indent":  {"four spaces, keys in order", map[string]any{"b": map[string]any{"c": "d"}, "a": []any{int64(1), map[string]any{"x": true}}}, "a:\n    - 1\n    - x: true\nb:\n    c: d\n", "sha256:1ab1b3d7c4cb1e11586af1fc50988ce3f47e9fd6baa50f50f4143be0d7dd2656"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			want := []output.Shown{{Name: "image", Preview: c.preview, Digest: c.want}}
			if diff := cmp.Diff(want, output.Output{output.Image: c.value}.Show()); diff != "" {
				t.Errorf("%s:\n%s", c.why, diff)
			}
		})
	}
}

func TestShowInOrder(t *testing.T) {
	var got []string
	for _, s := range (output.Output{"config": 1, "revision": 2, "image": 3, "url": 4, "other": 5}).Show() {
		got = append(got, s.Name)
	}
	if diff := cmp.Diff([]string{"url", "revision", "image", "config"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestPreviewIsCutAtTheByte(t *testing.T) {
	cases := map[string]struct{ why, value, preview string }{
		"Fits":  {"1023 letters and a newline fit", strings.Repeat("x", 1023), strings.Repeat("x", 1023) + "\n"},
		"Long":  {"the first 1024 bytes", strings.Repeat("x", 1025), strings.Repeat("x", 1024)},
		"Split": {"a letter cut in half is left out", strings.Repeat("x", 1023) + "ü", strings.Repeat("x", 1023)},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got := output.Output{output.Config: c.value}.Show()[0]
			if got.Preview != c.preview {
				t.Errorf("%s: %d bytes, want %d", c.why, len(got.Preview), len(c.preview))
			}
			if want := digest.Bytes([]byte(c.value + "\n")); got.Digest != want {
				t.Errorf("the digest is not of all of it: %s, want %s", got.Digest, want)
			}
		})
	}
}

// Whatever an output is made of, it is encoded as go-yaml's own default does,
// and the preview is text.
func FuzzShow(f *testing.F) {
	for _, seed := range []string{`"knitting"`, `5`, `{"a":{"b":[1,2.5,null,true]}}`, `"a\nb\n\n"`, `"  lead"`, `"ü"`, `"---"`, `"|"`, `"\u0000"`, `[]`, `{}`, `1e21`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var value any
		if json.Unmarshal([]byte(text), &value) != nil {
			return
		}
		want, err := yaml.Marshal(value)
		if err != nil {
			return
		}
		got := output.Output{output.Config: value}.Show()[0]
		if got.Digest != digest.Bytes(want) {
			t.Errorf("%s is not encoded as %q", text, want)
		}
		if !utf8.ValidString(got.Preview) || len(got.Preview) > 1024 {
			t.Errorf("%s: the preview is no text of at most 1024 bytes: %q", text, got.Preview)
		}
	})
}

func ExampleRead() {
	image, err := path.Parse(".status.latestImage")
	if err != nil {
		panic(err)
	}
	built := object(`{"kind":"Image","status":{"latestImage":"registry.test/app@sha256:1"}}`)
	out, err := output.Read([]output.Field{{Name: output.Image, Path: image}}, built)
	fmt.Println(out["image"], err)

	_, err = output.Read([]output.Field{{Name: output.Image, Path: image}}, object(`{"kind":"Image"}`))
	fmt.Println(err)
	// Output:
	// registry.test/app@sha256:1 <nil>
	// failed to evaluate path [.status.latestImage]: jsonpath returned empty list: .status.latestImage
}
