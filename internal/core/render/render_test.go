// SPDX-License-Identifier: Apache-2.0

package render_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"rhumb.run/rhumb/internal/core/render"
)

func compile(t testing.TB, text string) *render.Template {
	t.Helper()
	raw, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	tpl, err := render.Compile(raw)
	if err != nil {
		t.Fatal(err)
	}
	return tpl
}

func TestRender(t *testing.T) {
	data := map[string]any{
		"s": "text", "n": int64(5), "f": 1.5, "b": true, "null": nil,
		"list": []any{"one", "two"}, "obj": map[string]any{"k": "v"},
		"evil": "$(s)$", "big": int64(9007199254740993),
	}
	cases := map[string]struct{ why, in, want, err string }{
		"Single":     {why: "one tag keeps the value's type", in: `{a: $(n)$, b: $(list)$, c: $(obj)$, d: $(b)$}`, want: `{a: 5, b: [one, two], c: {k: v}, d: true}`},
		"SingleNull": {why: "a null alone is stored as null", in: `{a: $(null)$}`, want: `{a: null}`},
		"Mixed":      {why: "tags among text are written into it", in: `{a: "x-$(s)$-$(n)$"}`, want: `{a: x-text-5}`},
		"TwoTags":    {why: "two tags are text", in: `{a: $(n)$$(n)$}`, want: `{a: "55"}`},
		"Bracketed":  {why: "a tag in brackets is text", in: `{a: "[$(n)$]"}`, want: `{a: "[5]"}`},
		"ListInText": {why: "a list in text is compact JSON", in: `{a: "l=$(list)$"}`, want: `{a: 'l=["one","two"]'}`},
		"NullInText": {why: "a null has no text", in: `{a: "x$(null)$"}`, err: `failed to recursively evaluate template: failed to interpolate template at path [a]: interpolate tag: tag must not point to nil value: null`},
		"Keys":       {why: "keys are never interpolated", in: `{"$(s)$": 1}`, want: `{"$(s)$": 1}`},
		"Unclosed":   {why: "an opening that nobody closes is text", in: `{a: "$(s"}`, want: `{a: "$(s"}`},
		"Data":       {why: "what an owner writes is never evaluated", in: `{a: $(evil)$, b: "x$(evil)$"}`, want: `{a: $(s)$, b: "x$(s)$"}`},
		"EmptyList":  {why: "an empty list stays one", in: `{a: [], b: {}}`, want: `{a: [], b: {}}`},
		"BigInt":     {why: "integers keep all their digits", in: `{a: $(big)$}`, want: `{a: 9007199254740993}`},
		"Path":       {why: "the place of a failure is named", in: `{spec: {env: [{value: $(none)$}]}}`, err: `failed to interpolate template at path [spec.env.[0]value]: evaluate tag $(none)$: jsonpath returned empty list: none`},
		"PathInText": {why: "and that of one in text", in: `{spec: {a: "x$(none)$"}}`, err: `failed to interpolate template at path [spec.a]: interpolate tag: evaluate jsonpath: jsonpath returned empty list: none`},
		"Nested":     {why: "a tag ends where the first closing is", in: `{a: "$($(n)$)$"}`, err: `interpolate tag: evaluate jsonpath: `},
		"Closed":     {why: "a closing that nobody opened is text", in: `{a: ")$ $(n)$"}`, want: `{a: ")$ 5"}`},
		"FalseText":  {why: "values become text as JSON", in: `{a: "$(b)$ $(f)$"}`, want: `{a: true 1.5}`},
		"ObjectText": {why: "also objects", in: `{a: "o=$(obj)$"}`, want: `{a: 'o={"k":"v"}'}`},
		"ListPath":   {why: "lists in lists are named by their indexes", in: `{a: [[$(none)$]]}`, err: `at path [a.[0][0]]: evaluate tag`},
		"EmptyTag":   {why: "an empty tag is refused", in: `{a: $()$}`, err: `evaluate tag $()$: empty jsonpath not allowed`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := compile(t, c.in).Render(data)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Fatalf("%s: err = %v, want %q", c.why, err, c.err)
				}
				return
			}
			if err != nil {
				t.Fatalf("%s: %v", c.why, err)
			}
			gotYAML, _ := yaml.Marshal(got)
			wantJSON, _ := yaml.YAMLToJSON([]byte(c.want))
			wantYAML, _ := yaml.JSONToYAML(wantJSON)
			if diff := cmp.Diff(string(wantYAML), string(gotYAML)); diff != "" {
				t.Errorf("%s:\n%s", c.why, diff)
			}
		})
	}
}

// Of several tags that cannot be filled in the same one is named, however often
// the template is compiled: a status that names another each time never rests.
func TestRenderNamesTheSameTag(t *testing.T) {
	const text = `{d: $(d)$, c: $(c)$, b: {z: $(z)$, y: $(y)$}, a: [$(x)$]}`
	for range 100 {
		_, err := compile(t, text).Render(map[string]any{})
		if want := "at path [a.[0]]: evaluate tag $(x)$"; err == nil || !strings.Contains(err.Error(), want) {
			t.Fatalf("err = %v, want %s", err, want)
		}
	}
}

// A template is shared: what one owner does with its object is no other's.
func TestRenderSharesNothing(t *testing.T) {
	tpl := compile(t, `{metadata: {labels: {a: b}}, list: [x]}`)
	first, err := tpl.Render(nil)
	if err != nil {
		t.Fatal(err)
	}
	first["metadata"].(map[string]any)["labels"].(map[string]any)["a"] = "changed"
	first["list"].([]any)[0] = "changed"
	again, err := tpl.Render(nil)
	if diff := cmp.Diff(map[string]any{"metadata": map[string]any{"labels": map[string]any{"a": "b"}}, "list": []any{"x"}}, again); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
}

func TestCompileRefuses(t *testing.T) {
	for why, raw := range map[string]string{
		"a list is no object":      `[]`,
		"broken JSON is no object": `{`,
	} {
		if _, err := render.Compile([]byte(raw)); err == nil {
			t.Errorf("%s: Compile(%s) succeeded", why, raw)
		}
	}
}

func marks() render.Marks {
	return render.Marks{
		Namespace: "dev",
		Labels:    map[string]string{"carto.run/resource-name": "image"},
		Owner:     metav1.OwnerReference{APIVersion: "carto.run/v1alpha1", Kind: "Workload", Name: "app", UID: "u1"},
	}
}

func TestStamp(t *testing.T) {
	object := map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap",
		"metadata": map[string]any{
			"name": "x", "labels": map[string]any{"mine": "1", "carto.run/resource-name": "forged"},
			"ownerReferences": []any{map[string]any{"name": "forged"}},
		},
	}
	u, err := render.Stamp(object, marks())
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"mine": "1", "carto.run/resource-name": "image"}
	if diff := cmp.Diff(want, u.GetLabels()); diff != "" {
		t.Errorf("labels of the owner win over the template's:\n%s", diff)
	}
	if refs := u.GetOwnerReferences(); len(refs) != 1 || refs[0].UID != "u1" {
		t.Errorf("the owner is the only owner: %v", refs)
	}
	if u.GetNamespace() != "dev" {
		t.Errorf("namespace = %q, want the owner's", u.GetNamespace())
	}
	if object["metadata"].(map[string]any)["namespace"] != nil {
		t.Error("stamping changed its input")
	}
}

// A template may leave metadata out, or write something else there: the marks are set all the same.
func TestStampMakesMetadata(t *testing.T) {
	for _, metadata := range []any{nil, "text", map[string]any{}} {
		object := map[string]any{"apiVersion": "v1", "kind": "ConfigMap"}
		if metadata != nil {
			object["metadata"] = metadata
		}
		u, err := render.Stamp(object, marks())
		if err != nil || u.GetNamespace() != "dev" || len(u.GetLabels()) != 1 || len(u.GetOwnerReferences()) != 1 {
			t.Errorf("metadata %v: %v, %v", metadata, u, err)
		}
	}
}

func TestStampRefuses(t *testing.T) {
	cases := map[string]struct{ object, err string }{
		"a foreign namespace": {`{apiVersion: v1, kind: ConfigMap, metadata: {name: x, namespace: prod}}`, "cannot set namespace in resource template"},
		"a number as a label": {`{apiVersion: v1, kind: ConfigMap, metadata: {name: x, labels: {a: b, version: 5}}}`, "metadata.labels [version] is not text"},
		"a null annotation":   {`{apiVersion: v1, kind: ConfigMap, metadata: {name: x, annotations: {a: b, c: null}}}`, "metadata.annotations [c] is not text"},
		"a list of labels":    {`{apiVersion: v1, kind: ConfigMap, metadata: {name: x, labels: [a]}}`, "metadata.labels is no map"},
		"no apiVersion":       {`{kind: ConfigMap, metadata: {name: x}}`, "no apiVersion or no kind"},
		"no kind":             {`{apiVersion: v1, metadata: {name: x}}`, "no apiVersion or no kind"},
	}
	for why, c := range cases {
		var object map[string]any
		if err := yaml.Unmarshal([]byte(c.object), &object); err != nil {
			t.Fatal(err)
		}
		if _, err := render.Stamp(object, marks()); err == nil || !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: err = %v, want %q", why, err, c.err)
		}
	}
}

func FuzzRender(f *testing.F) {
	for _, s := range []string{"$(a)$", "x$(a)$y", "$(", ")$", "$()$", "$(a)$$(b)$", "$(a[0])$", "$($(a)$)$"} {
		f.Add(s)
	}
	data := map[string]any{"a": []any{int64(1)}, "b": "$(a)$"}
	f.Fuzz(func(t *testing.T, s string) {
		raw, err := yaml.Marshal(map[string]any{"v": s})
		if err != nil {
			return
		}
		raw, err = yaml.YAMLToJSON(raw)
		if err != nil {
			return
		}
		tpl, err := render.Compile(raw)
		if err != nil {
			t.Fatalf("compiling a string: %v", err)
		}
		first, err1 := tpl.Render(data)
		again, err2 := tpl.Render(data)
		if fmt.Sprint(first, err1) != fmt.Sprint(again, err2) {
			t.Errorf("rendering %q twice differs", s)
		}
	})
}
