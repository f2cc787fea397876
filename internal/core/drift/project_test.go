// SPDX-License-Identifier: Apache-2.0

package drift_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	kjson "k8s.io/apimachinery/pkg/util/json"

	"rhumb.run/rhumb/internal/core/digest"
	"rhumb.run/rhumb/internal/core/drift"
)

func TestProjectKeepsWhatIsOurs(t *testing.T) {
	cases := map[string]struct{ why, desired, live, want string }{
		"Fields":    {"the fields that we mention, with the server's values", `{a: 1, b: {c: x}}`, `{a: 2, b: {c: y, d: z}, e: f}`, `{a: 2, b: {c: y}}`},
		"Missing":   {"one that is gone is not there", `{a: 1, b: 2}`, `{b: 2}`, `{b: 2}`},
		"Null":      {"one that is null is", `{a: 1}`, `{a: null}`, `{a: null}`},
		"NotAMap":   {"what is no map any more is shown as it is", `{a: {b: c}}`, `{a: text}`, `{a: text}`},
		"NotAList":  {"what is no list any more is shown as it is", `{a: [b]}`, `{a: text}`, `{a: text}`},
		"NamedText": {"also where its elements had names", `{a: [{name: b}]}`, `{a: text}`, `{a: text}`},
		"Named":     {"elements are found by name and stand in our order", `{c: [{name: app, v: 1}, {name: log, v: 1}]}`, `{c: [{name: mesh}, {name: log, v: 2, w: 3}, {name: app, v: 1}]}`, `{c: [{name: app, v: 1}, {name: log, v: 2}]}`},
		"NamedGone": {"one that is gone leaves a hole", `{c: [{name: app}, {name: log}]}`, `{c: [{name: log}]}`, `{c: [null, {name: log}]}`},
		"Unnamed":   {"elements without a name are compared by place", `{l: [{x: 1}, {x: 1}]}`, `{l: [{x: 1, y: 2}, {x: 3}]}`, `{l: [{x: 1}, {x: 3}]}`},
		"Length":    {"a list of another length is shown whole", `{l: [a, b]}`, `{l: [a, b, c]}`, `{l: [a, b, c]}`},
		"Scalar":    {"a scalar is shown as it is", `{a: 1}`, `{a: "1"}`, `{a: "1"}`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(load(t, c.want), drift.Project(load(t, c.desired), load(t, c.live))); diff != "" {
				t.Errorf("%s:\n%s", c.why, diff)
			}
		})
	}
}

// The fields by which elements of lists are told apart, one by one, and which
// of two is taken.
func TestListKeys(t *testing.T) {
	for _, key := range []string{"name", "uid", "key", "type", "containerPort", "port", "mountPath", "devicePath", "topologyKey", "ip"} {
		desired := load(t, `{l: [{`+key+`: b, v: 1}, {`+key+`: a, v: 1}]}`)
		if got := drift.Missing(desired, load(t, `{l: [{`+key+`: x}, {`+key+`: a, v: 1}, {`+key+`: b, v: 1}]}`)); got != "" {
			t.Errorf("elements go by their %s, whatever their place: %s", key, got)
		}
		if got, want := drift.Missing(desired, load(t, `{l: [{`+key+`: a, v: 1}, {`+key+`: b, v: 2}]}`)), ".l["+key+"=b].v"; got != want {
			t.Errorf("Missing = %q, want %q", got, want)
		}
	}
	for why, c := range map[string]struct{ desired, live, want string }{
		"the first key that tells all apart": {`{l: [{type: a, name: x}, {type: b, name: x}]}`, `{l: [{type: b, name: x}, {type: a, name: x}]}`, ""},
		"a key that one element lacks":       {`{l: [{name: a}, {x: 1}]}`, `{l: [{x: 1}, {name: a}]}`, ".l[0].name"},
		"a key that is a map":                {`{l: [{name: {a: b}}]}`, `{l: [{name: {a: c}}]}`, ".l[0].name.a"},
		"elements that are no maps":          {`{l: [a, {name: b}]}`, `{l: [{name: b}, a]}`, ".l[0]"},
	} {
		if got := drift.Missing(load(t, c.desired), load(t, c.live)); got != c.want {
			t.Errorf("%s: Missing = %q, want %q", why, got, c.want)
		}
	}
}

// What the API server hands out are int64 and float64; both are numbers.
func TestNumbers(t *testing.T) {
	for why, c := range map[string]struct {
		want, have any
		same       bool
	}{
		"a whole number, twice":        {int64(5), int64(5), true},
		"in both of Go's ways":         {int64(5), float64(5), true},
		"and the other way round":      {float64(5), int64(5), true},
		"another number":               {int64(5), int64(6), false},
		"a fraction":                   {0.5, 0.25, false},
		"a number and its quantity":    {int64(1), "1000m", true},
		"a fraction and its quantity":  {0.5, "500m", true},
		"a quantity and another":       {"1Gi", "1G", false},
		"a quantity and the same":      {"1Gi", "1024Mi", true},
		"a quantity and no quantity":   {"1Gi", "one", false},
		"no quantity and a quantity":   {"one", "1Gi", false},
		"no quantity is not nought":    {"one", "0", false},
		"nought is not no quantity":    {"0", "one", false},
		"nought that nobody stored":    {int64(0), nil, true},
		"nought, however Go calls it":  {float64(0), nil, true},
		"one that nobody stored":       {int64(1), nil, false},
		"a tenth that nobody stored":   {0.1, nil, false},
		"text that nobody stored":      {"x", nil, false},
		"text of a large number":       {"12345678901", int64(12345678901), true},
		"text of a number with a lead": {"0x10", int64(16), false},
	} {
		if got := drift.Missing(map[string]any{"v": c.want}, map[string]any{"v": c.have}) == ""; got != c.same {
			t.Errorf("%s: same = %v, want %v", why, got, c.same)
		}
	}
}

func parse(text []byte) (any, bool) {
	var v any
	return v, kjson.Unmarshal(text, &v) == nil
}

// Whatever is wanted and whatever is there: what is there as wanted is no
// drift, and a projection holds nothing but what was asked for.
func FuzzDrift(f *testing.F) {
	for _, seed := range [][2]string{
		{`{"a":1,"l":[{"name":"x","v":[1,2]}]}`, `{"a":2,"b":3,"l":[{"name":"y"},{"name":"x","v":[1]}]}`},
		{`[1,"a",null,{}]`, `[]`},
		{`{"a":{}}`, `null`},
		{`{"name":[[]]}`, `{"name":[[1]]}`},
		{`[{"name":1},{"name":1.0}]`, `[{"name":"1"}]`},
		{`0`, `""`},
	} {
		f.Add([]byte(seed[0]), []byte(seed[1]))
	}
	f.Fuzz(func(t *testing.T, a, b []byte) {
		desired, ok1 := parse(a)
		live, ok2 := parse(b)
		if !ok1 || !ok2 {
			return
		}
		if got := drift.Missing(desired, desired); got != "" {
			t.Errorf("%s differs from itself at %s", a, got)
		}
		once := drift.Project(desired, live)
		if drift.Missing(desired, live) == "" && drift.Missing(desired, once) != "" {
			t.Errorf("%s has all of %s, its projection has not: %v", b, a, once)
		}
		first, err := json.Marshal(once)
		if err != nil {
			t.Fatal(err)
		}
		if again := digest.Of(drift.Project(desired, live)); again != digest.Bytes(first) {
			t.Errorf("projecting %s on %s twice differs", b, a)
		}
	})
}
