// SPDX-License-Identifier: Apache-2.0

package drift_test

import (
	"testing"

	"sigs.k8s.io/yaml"

	"rhumb.run/rhumb/internal/core/digest"
	"rhumb.run/rhumb/internal/core/drift"
)

func load(t *testing.T, text string) any {
	t.Helper()
	var v any
	if err := yaml.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestMissing(t *testing.T) {
	cases := map[string]struct{ why, desired, live, want string }{
		"Defaults":      {"what the server fills in is not ours", `{spec: {a: 1}}`, `{spec: {a: 1, b: 2}}`, ""},
		"Changed":       {"a field of ours that differs is named", `{spec: {a: 1}}`, `{spec: {a: 2}}`, ".spec.a"},
		"Gone":          {"a field of ours that went is named", `{spec: {a: x}}`, `{spec: {}}`, ".spec.a"},
		"Quantity":      {"1000m is stored as 1, in one way or the other", `{cpu: 1000m}`, `{cpu: "1"}`, ""},
		"NumberQty":     {"a bare number is a quantity too", `{cpu: 1}`, `{cpu: "1"}`, ""},
		"OtherQty":      {"but not every quantity is the same", `{cpu: 1000m}`, `{cpu: "2"}`, ".cpu"},
		"Sidecar":       {"an injected container is not drift", `{c: [{name: app, image: x}]}`, `{c: [{name: mesh, image: y}, {name: app, image: x, tty: false}]}`, ""},
		"Container":     {"elements are found by their name, whatever their place", `{c: [{name: app, image: x}]}`, `{c: [{name: mesh}, {name: app, image: z}]}`, ".c[name=app].image"},
		"Scalars":       {"a list of scalars is ours as a whole", `{args: [a, b]}`, `{args: [a, b, c]}`, ".args"},
		"Unnamed":       {"elements without a name are compared by place", `{l: [{x: 1}]}`, `{l: [{x: 1}, {x: 2}]}`, ".l"},
		"EmptyMap":      {"an empty map and none are the same", `{spec: {a: {}}}`, `{spec: {}}`, ""},
		"Null":          {"a null asks for nothing", `{env: null}`, `{}`, ""},
		"FalseAbsent":   {"omitted false is false", `{a: false, b: ""}`, `{}`, ""},
		"ZeroAbsent":    {"so is omitted nought", `{minReadySeconds: 0}`, `{}`, ""},
		"OneAbsent":     {"but not one", `{replicas: 1}`, `{}`, ".replicas"},
		"ZeroToOne":     {"nought against one differs", `{replicas: 0}`, `{replicas: 1}`, ".replicas"},
		"TrueAbsent":    {"omitted true is not", `{a: true}`, `{}`, ".a"},
		"TypeChanged":   {"a map where a string was is a difference", `{a: {b: c}}`, `{a: b}`, ".a"},
		"ListGone":      {"a list of ours that went is named", `{l: [a]}`, `{}`, ".l"},
		"ListToMap":     {"a map where a list was is a difference", `{l: [a]}`, `{l: {a: b}}`, ".l"},
		"NamedToText":   {"named elements too", `{l: [{name: a}]}`, `{l: text}`, ".l"},
		"SecondNamed":   {"also when only the second differs", `{l: [{name: a, v: 1}, {name: b, v: 1}]}`, `{l: [{name: a, v: 1}, {name: b, v: 2}]}`, ".l[name=b].v"},
		"DeepEmptyList": {"a map of empty lists is empty", `{a: {b: []}}`, `{}`, ""},
		"DeepList":      {"but not one of a list with something in it", `{a: {b: [x]}}`, `{}`, ".a"},
		"EmptyList":     {"an empty list and none are the same", `{l: []}`, `{}`, ""},
		"NotEmptyList":  {"but an empty list is not any list", `{l: []}`, `{l: [a]}`, ".l"},
		"ElementGone":   {"an element of ours that went is named", `{c: [{name: app, v: 1}]}`, `{c: [{name: mesh, v: 1}]}`, ".c[name=app]"},
		"ByPort":        {"elements without a name go by their port", `{p: [{port: 80, t: TCP}]}`, `{p: [{port: 81}, {port: 80, t: TCP}]}`, ""},
		"DeepEmpty":     {"a map of empty maps is empty", `{a: {b: {c: null}}}`, `{}`, ""},
		"DeepNotEmpty":  {"but not one with something in it", `{a: {b: {c: d}}}`, `{}`, ".a"},
		"Null2":         {"a null against something asks for nothing", `{env: null}`, `{env: [a]}`, ""},
		"NumberText":    {"a number is not its numeral, unless both are quantities", `{a: x5}`, `{a: 5}`, ".a"},
		"Float":         {"a whole number is one, in whatever Go calls it", `{a: 1.0}`, `{a: 1}`, ""},
		"Bool":          {"true is not false", `{a: true}`, `{a: false}`, ".a"},
		"BoolText":      {"nor is it text", `{a: "true"}`, `{a: true}`, ".a"},
		"Root":          {"a difference at the root", `x`, `y`, "."},
		"EmptyString":   {"text against nothing differs", `{a: text}`, `{a: ""}`, ".a"},
		"DuplicateName": {"two of a name are no key: compared by place", `{p: [{name: a, v: 1}, {name: a, v: 2}]}`, `{p: [{name: a, v: 1}, {name: a, v: 3}]}`, ".p[1].v"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := drift.Missing(load(t, c.desired), load(t, c.live)); got != c.want {
				t.Errorf("%s: Missing = %q, want %q", c.why, got, c.want)
			}
		})
	}
}

func TestProject(t *testing.T) {
	desired := `{spec: {c: [{name: app, image: x}], n: 1000m}}`
	before := `{spec: {c: [{name: app, image: x}], n: "1"}, status: {a: 1}}`
	cases := map[string]struct {
		why, live string
		same      bool
	}{
		"Foreign": {
			"a change to what others own leaves the projection alone",
			`{spec: {c: [{name: side}, {name: app, image: x, tty: true}], n: "1", z: 9}, status: {a: 2}}`, true,
		},
		"Ours": {"a change to what we own shows", `{spec: {c: [{name: app, image: y}], n: "1"}}`, false},
		"Gone": {"what is gone shows", `{spec: {n: "1"}}`, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			want := digest.Of(drift.Project(load(t, desired), load(t, before)))
			got := digest.Of(drift.Project(load(t, desired), load(t, c.live)))
			if (got == want) != c.same {
				t.Errorf("%s: same = %v, want %v", c.why, got == want, c.same)
			}
		})
	}
}
