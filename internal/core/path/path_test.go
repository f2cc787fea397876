// SPDX-License-Identifier: Apache-2.0

package path_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"rhumb.run/rhumb/internal/core/path"
)

type owner struct {
	Spec struct {
		Account string          `json:"account,omitempty"`
		Image   *string         `json:"image,omitempty"`
		Env     []corev1.EnvVar `json:"env,omitempty"`
		Source  *struct {
			URL string `json:"url"`
		} `json:"source,omitempty"`
		Replicas int `json:"replicas,omitempty"`
	} `json:"spec"`
}

func TestValue(t *testing.T) {
	typed := &owner{}
	typed.Spec.Replicas = 3
	data := map[string]any{
		"workload": typed,
		"params":   map[string]any{"obj": map[string]any{"field": "deep"}, "n": int64(9007199254740993)},
		"list":     []any{map[string]any{"name": "x", "v": int64(1)}, map[string]any{"name": "y", "v": int64(2)}},
		"null":     nil,
		"deep":     map[string]any{"same": "top", "deep": map[string]any{"same": "below"}},
		"a.b":      "dotted",
	}
	cases := map[string]struct {
		why, expr string
		want      any
		err       string
	}{
		"Bare":         {why: "braces and dot may be left out", expr: "params.obj", want: map[string]any{"field": "deep"}},
		"Dot":          {why: "a leading dot is fine", expr: ".params.obj.field", want: "deep"},
		"DotOnce":      {why: "a leading dot is the root, not any depth", expr: ".deep.same", want: "top"},
		"Bracket":      {why: "so is a bracket", expr: "['deep'].same", want: "top"},
		"Root":         {why: "the root has a name", expr: "$.deep.same", want: "top"},
		"Whole":        {why: "a value that holds typed objects is refused, and ends nothing", expr: "$", err: "failed to read results: cannot deep copy *path_test.owner"},
		"Braces":       {why: "so are braces", expr: "{.params.obj.field}", want: "deep"},
		"OpenBrace":    {why: "and a brace that nobody closed", expr: "{.params.obj.field", want: "deep"},
		"Nested":       {why: "params can be descended into", expr: "params.obj.field", want: "deep"},
		"BigInt":       {why: "integers keep all their digits", expr: "params.n", want: int64(9007199254740993)},
		"Filter":       {why: "filters work", expr: `list[?(@.name=="y")].v`, want: int64(2)},
		"Index":        {why: "indexes work", expr: "list[0].name", want: "x"},
		"EscapedDot":   {why: "a dot in a key is escaped", expr: `a\.b`, want: "dotted"},
		"ZeroString":   {why: "an unset typed string is empty, not missing", expr: "workload.spec.account", want: ""},
		"NilPointer":   {why: "an unset pointer is null, not missing", expr: "workload.spec.image", want: nil},
		"NilSlice":     {why: "an unset list is null, not missing", expr: "workload.spec.env", want: nil},
		"TypedInt":     {why: "typed numbers become JSON numbers", expr: "workload.spec.replicas", want: int64(3)},
		"ThroughNil":   {why: "but a step through nothing is missing", expr: "workload.spec.source.url", err: "jsonpath returned empty list: workload.spec.source.url"},
		"Null":         {why: "a null is a value", expr: "null", want: nil},
		"Missing":      {why: "nothing there", expr: "params.none", err: "jsonpath returned empty list: params.none"},
		"TooMany":      {why: "a path yields one value", expr: "list[*].name", err: "too many results for the query: list[*].name"},
		"OutOfBounds":  {why: "the engine's own words", expr: "list[7]", err: "failed to find results: array index out of bounds: index 7, length 2"},
		"Empty":        {why: "an empty path is refused", expr: "", err: "empty jsonpath not allowed"},
		"Unparsable":   {why: "the expression is quoted", expr: "list[?(", err: "failed to parse jsonpath 'list[?('"},
		"SecondsQuery": {why: "one query a path", expr: "{.list[0].v}{.list[1].v}", err: "more queries than expected"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			p, err := path.Parse(c.expr)
			var got any
			if err == nil {
				got, err = p.Value(data)
			}
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Fatalf("%s: err = %v, want %q", c.why, err, c.err)
				}
				return
			}
			if diff := cmp.Diff(c.want, got); err != nil || diff != "" {
				t.Errorf("%s: err = %v, diff:\n%s", c.why, err, diff)
			}
		})
	}
}

// A path is asked again and again and answers the same: what one walk leaves
// behind in the engine must not reach the next.
func TestValueIsTheSameEachTime(t *testing.T) {
	data := map[string]any{"a": []any{map[string]any{"b": "c"}}, "x": "y"}
	for expr, want := range map[string]string{
		"{range .a[*]}{.b}{end}":    "c <nil>",
		"{.x}{range .a[*]}{end}":    "y <nil>",
		"{range .a[*]}{.b[9]}{end}": "<nil> evaluate: failed to find results: string is not array or slice",
		"{range .a[*]}{.b}":         "<nil> evaluate: more queries than expected: {range .a[*]}{.b}",
		"a[7]":                      "<nil> evaluate: failed to find results: array index out of bounds: index 7, length 1",
		"x":                         "y <nil>",
	} {
		p, err := path.Parse(expr)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 3 {
			value, err := p.Value(data)
			if got := fmt.Sprint(value, " ", err); got != want {
				t.Errorf("%s, asked %d times: %s, want %s", expr, i+1, got, want)
			}
		}
	}
}

// A value handed out must not be a way into the data it came from.
func TestValueIsACopy(t *testing.T) {
	data := map[string]any{"a": map[string]any{"b": "c"}}
	p, err := path.Parse("a")
	if err != nil {
		t.Fatal(err)
	}
	got, err := p.Value(data)
	if err != nil {
		t.Fatal(err)
	}
	got.(map[string]any)["b"] = "changed"
	if data["a"].(map[string]any)["b"] != "c" {
		t.Error("changing the value changed the data")
	}
}

func TestPathIsSharedSafely(t *testing.T) {
	p, err := path.Parse(`list[?(@.name=="y")].v`)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			data := map[string]any{"list": []any{map[string]any{"name": "x", "v": int64(0)}, map[string]any{"name": "y", "v": int64(i)}}}
			for range 200 {
				if got, err := p.Value(data); err != nil || got != int64(i) {
					t.Errorf("got %v, %v; want %d", got, err, i)
					return
				}
			}
		})
	}
	wg.Wait()
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"a.b", "{.a}", "a[0]", `a[?(@.b=="c")]`, "..", "a[-1:]", "a['b']", "[?(", "{range .a[*]}{end}"} {
		f.Add(seed)
	}
	data := map[string]any{"a": []any{map[string]any{"b": "c"}, int64(1), nil}, "w": &owner{}}
	f.Fuzz(func(t *testing.T, expr string) {
		if p, err := path.Parse(expr); err == nil {
			first, err := p.Value(data) // must neither panic nor hang
			again, err2 := p.Value(data)
			if fmt.Sprint(first, err) != fmt.Sprint(again, err2) {
				t.Errorf("%q: %v %v, then %v %v", expr, first, err, again, err2)
			}
		}
	})
}
