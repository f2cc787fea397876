// SPDX-License-Identifier: Apache-2.0

package ytt

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	cmdtemplate "carvel.dev/ytt/pkg/cmd/template"
	"carvel.dev/ytt/pkg/files"
	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

// page is a template as people write them.
const page = `#@ load("@ytt:data", "data")

#@ def labels():
app.kubernetes.io/part-of: #@ data.values.workload.metadata.name
app.kubernetes.io/component: run
#@ end

#@ def param(name, default):
#@   return getattr(data.values.params, name) if hasattr(data.values.params, name) else default
#@ end
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: #@ data.values.workload.metadata.name
  labels: #@ labels()
spec:
  replicas: #@ param("replicas", 1)
  selector:
    matchLabels: #@ labels()
  template:
    metadata:
      labels: #@ labels()
    spec:
      containers:
      - name: workload
        image: #@ data.values.image
        #@ if hasattr(data.values.workload.spec, "env"):
        env:
        #@ for e in data.values.workload.spec.env:
        - name: #@ e.name
          value: #@ e.value
        #@ end
        #@ end
        ports:
        #@ for p in param("ports", [8080]):
        - containerPort: #@ p
        #@ end
        resources:
          limits:
            memory: 1Gi
            cpu: 500m
        securityContext:
          runAsUser: 1000
          allowPrivilegeEscalation: false
`

// pageValues is what a walk gives to it, with the workload under both of its names.
var pageValues = func() []byte {
	const workload = `{"apiVersion":"carto.run/v1alpha1","kind":"Workload",
"metadata":{"name":"app","namespace":"dev","uid":"5d1f3a9e","resourceVersion":"12345","generation":3,"creationTimestamp":"2024-01-01T00:00:00Z",
 "labels":{"apps.tanzu.vmware.com/workload-type":"web","app.kubernetes.io/part-of":"app"}},
"spec":{"serviceAccountName":"builder","source":{"git":{"url":"https://git.example/app","ref":{"branch":"main"}}},
 "env":[{"name":"A","value":"1"},{"name":"B","value":"2"}]},
"status":{"observedGeneration":3,"supplyChainRef":{"kind":"ClusterSupplyChain","name":"web"},"conditions":[
 {"type":"SupplyChainReady","status":"True","reason":"Ready","message":"","lastTransitionTime":"2024-01-01T00:00:00Z"},
 {"type":"ResourcesSubmitted","status":"True","reason":"ResourceSubmissionComplete","message":"","lastTransitionTime":"2024-01-01T00:00:00Z"},
 {"type":"Ready","status":"True","reason":"Ready","message":"","lastTransitionTime":"2024-01-01T00:00:00Z"}],
 "resources":[{"name":"source","stampedRef":{"apiVersion":"v1","kind":"A","name":"app"},"outputs":[
  {"name":"url","preview":"http://a\n","digest":"sha256:3f7e0fcaaf821567a41523494955b5ca3d8e953b913eda16c9d866dbc3e120e0","lastTransitionTime":"2024-01-01T00:00:00Z"}]}]}}`
	raw := `{"workload":` + workload + `,"deliverable":` + workload + `,"params":{"replicas":3,"ports":[8080,8081]},
"image":"registry.example/app","images":{"image":{"name":"image","image":"registry.example/app"}},
"sources":{},"configs":{},"deployment":null,"labels":{"carto.run/workload-name":"app"}}`
	var out bytes.Buffer
	if err := json.Compact(&out, []byte(raw)); err != nil {
		panic(err)
	}
	return out.Bytes()
}()

// templates are all sorts of templates. Those in long must need all of ytt.
var (
	short = map[string]string{
		"Page":      page,
		"Constant":  "#! a comment\nx: #@ 1\na: [1, 1.5, 1e3, -0, 0o7, 0x10, true, yes, 'no', null, ~, 2024-01-01, \"t\\u00e9xt\"]\nb: {c: {d: []}, e: {}}\n",
		"Modules":   "#@ load('@ytt:base64', 'base64')\n#@ load('@ytt:json', 'json')\n#@ load('@ytt:yaml', 'yaml')\n#@ load('@ytt:struct', 'struct')\n#@ load('@ytt:toml', 'toml')\n#@ load('@ytt:data', 'data')\na: #@ base64.encode('x')\nb: #@ json.encode(data.values.params)\nc: #@ yaml.decode('a: 1')\nd: #@ struct.decode(data.values.params)\ne: #@ toml.encode({'a': 1})\n",
		"Replace":   "#@ load('@ytt:template', 'template')\n#@ def more():\nx: 1\ny: 2\n#@ end\na: 1\n_: #@ template.replace(more())\nb: 2\n",
		"Keys":      "#@yaml/text-templated-strings\n'(@= \"k\" @)': '(@= str(1+1) @)'\nplain: 1\n",
		"Overrides": "#@yaml/map-key-override\na: 1\n#@yaml/map-key-override\na: #@ 2\n",
		"Loop":      "a:\n#@ for i in range(3):\n- i: #@ i\n  #@ if i == 1:\n  one: true\n  #@ end\n#@ end\n",
		"Functions": "#@ def f(n):\n#@   return 1 if n < 2 else n * f(n - 1)\n#@ end\na: #@ f(20)\nb: #@ [f(n) for n in range(5)]\nc: #@ 2147483648 * 2147483648\n",
		"Documents": "#@ x = 1\n---\n---\n{}\n---\na: #@ x\n---\nb: 1\n",
		"Fragment":  "#@ def f():\n- 1\n- a: 2\n#@ end\n---\na: #@ f()\nb: #@ f()[1]\n",
		"Anchors":   "a: &a {b: 1}\nc: *a\nd:\n  <<: *a\n  e: #@ 2\n",
		"Multiline": "a: |\n  x\n   y\nb: >-\n  z\n  w\nc: #@ 'l1\\nl2'\n",
		"IntKeys":   "1: #@ 'a'\ntrue: b\n",
	}
	long = map[string]string{
		"Plain":   "a: 1\nb: [x]\n",
		"Overlay": "#@ load('@ytt:overlay', 'overlay')\na: {b: 1}\nc: 1\n#@overlay/match by=overlay.all\n---\na:\n  #@overlay/match missing_ok=True\n  d: 2\n",
		"Apply":   "#@ load('@ytt:overlay', 'overlay')\n#@ def l():\na: 1\n#@ end\n#@ def r():\n#@overlay/match missing_ok=True\nb: 2\n#@ end\nx: #@ overlay.apply(l(), r())\n",
	}
)

// asCommand evaluates a template as the ytt command would, data values as
// flags, its output as text.
func asCommand(t *testing.T, text string, values []byte) any {
	t.Helper()
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(values, &keys); err != nil {
		t.Fatal(err)
	}
	o := cmdtemplate.NewOptions()
	for key, value := range keys {
		o.DataValuesFlags.KVsFromYAML = append(o.DataValuesFlags.KVsFromYAML, key+"="+string(value))
	}
	out := o.RunWithFiles(cmdtemplate.Input{Files: []*files.File{files.MustNewFileFromSource(files.NewBytesSource(fileName, []byte(text)))}}, quiet)
	if out.Err != nil {
		t.Fatal(out.Err)
	}
	raw, err := out.DocSet.AsBytes()
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(raw), "\n---\n")
	asJSON, err := yaml.YAMLToJSON([]byte(first))
	if err != nil {
		t.Fatal(err)
	}
	return decode(t, asJSON)
}

func decode(t *testing.T, raw []byte) any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var out any
	if err := d.Decode(&out); err != nil {
		t.Fatalf("%v in %s", err, raw)
	}
	return out
}

// However a template is evaluated, it becomes what the ytt command makes of
// it, the third time as the first.
func TestEvaluateAsTheCommand(t *testing.T) {
	e := newEvaluator(DefaultLimits)
	for _, set := range []map[string]string{short, long} {
		for name, text := range set {
			t.Run(name, func(t *testing.T) {
				want := asCommand(t, text, pageValues)
				for range 3 {
					out, err := e.render(name, text, pageValues)
					if err != nil {
						t.Fatal(err)
					}
					if diff := cmp.Diff(want, decode(t, out)); diff != "" {
						t.Errorf("unlike ytt (-ytt +here):\n%s\n%s", diff, out)
					}
				}
			})
		}
	}
}

// The short way serves all but what needs all of ytt: were it to fall back
// unnoticed, each evaluation would cost five times as much.
func TestEvaluateTheShortWay(t *testing.T) {
	values, err := readValues(pageValues)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range short {
		p := &parsedTemplate{text, compileShort(text)}
		if _, err := p.short(values); err != nil {
			t.Errorf("%s goes the long way: %v", name, err)
		}
	}
	for name, text := range long {
		if compileShort(text) != nil {
			t.Errorf("%s goes the short way", name)
		}
	}
}

// What is wrong is told in ytt's words.
func TestEvaluateErrors(t *testing.T) {
	cases := map[string]struct{ why, text, want string }{
		"Syntax":   {"no YAML", "a: b\n c: d\n", "Unmarshaling YAML template 'stdin.yml': yaml: line 2: mapping values are not allowed in this context"},
		"Unknown":  {"a value that is not there", "#@ load('@ytt:data', 'data')\na: 1\nb: #@ data.values.nope\n", "- struct has no .nope field or method\n    in <toplevel>\n      stdin.yml:3 | b: #@ data.values.nope"},
		"Fail":     {"a template that gives up", "#@ load('@ytt:assert', 'assert')\na: #@ assert.fail('why')\n", "fail: why"},
		"File":     {"a file that is not there", "#@ load('other.star', 'x')\na: #@ x\n", "other.star"},
		"Read":     {"nor is any other", "#@ load('@ytt:data', 'data')\na: #@ data.read('/etc/passwd')\n", "/etc/passwd"},
		"Library":  {"nor is a library", "#@ load('@ytt:library', 'library')\na: #@ library.get('x')\n", "library"},
		"Stub":     {"what is ours is not theirs", "#@ load('@rhumb:program', 'program')\na: #@ program()\n", "@rhumb:program"},
		"Values":   {"data values in a template", "#@data/values\n---\na: 1\n---\nb: #@ 1\n", "data values"},
		"Code":     {"no code", "a: #@ 1 +\n", "stdin.yml:1"},
		"Twice":    {"a key that is there twice", "#@ def f():\na: 1\n#@yaml/map-key-override\na: 2\n#@ end\n#@ x = {1: 1}\nb: #@ x\n", ""},
		"NaN":      {"what JSON has no word for", "a: #@ float('nan')\n", "the object holds a number that JSON has no word for"},
		"Function": {"what is no data", "a: #@ lambda x: x\n", "- (p) unknown type *starlark.Function for conversion to go value\n    in <toplevel>\n      stdin.yml:1 | a: #@ lambda x: x"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			out, err := newEvaluator(DefaultLimits).render(name, c.text, pageValues)
			if c.want == "" {
				if err != nil {
					t.Errorf("%s: %v", c.why, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %s, %v, want %q", c.why, out, err, c.want)
			}
		})
	}
}

// A digest stands for a text that was seen before, until it is forgotten.
func TestEvaluateForgets(t *testing.T) {
	e := newEvaluator(DefaultLimits)
	if _, err := e.render("d", "", []byte(`{}`)); err != errUnknown { //nolint:errorlint // it is this very one.
		t.Errorf("an unknown template: %v", err)
	}
	for i := range maxParsed + 1 {
		if _, err := e.render(strings.Repeat("d", i+1), "a: 1", []byte(`{}`)); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(e.parsed.templates); n > maxParsed {
		t.Errorf("keeps %d templates", n)
	}
	if _, err := e.render("d", "", []byte(`{}`)); err != errUnknown { //nolint:errorlint // it is this very one.
		t.Errorf("a forgotten template: %v", err)
	}
}

// Data are read as any reader of JSON would.
func TestReadValues(t *testing.T) {
	cases := map[string]struct {
		why, raw string
		bad      bool
	}{
		"All":      {"every sort of value", ` { "a" : [ 1 , -2.5e3 , "x\"\u00fc\\" , true , false , null , {} , [ ] ] , "" : { "b" : 18446744073709551615 } } `, false},
		"Empty":    {"nothing", `{}`, false},
		"List":     {"a list is none", `[]`, true},
		"Cut":      {"it ends in the middle", `{"a":[1,`, true},
		"Two":      {"one too many", `{}{}`, true},
		"Comma":    {"a comma too many", `{"a":1,}`, true},
		"NoComma":  {"a comma too few", `{"a":1 "b":2}`, true},
		"Word":     {"no word", `{"a":nul}`, true},
		"Number":   {"no number", `{"a":-}`, true},
		"Zeros":    {"a number with a zero before it", `{"a":00}`, true},
		"Key":      {"a key that is no text", `{1:1}`, true},
		"Text":     {"a text without an end", `{"a":"b`, true},
		"Escape":   {"no escape", `{"a":"\x"}`, true},
		"Control":  {"a raw line break", "{\"a\":\"\n\"}", true},
		"Deep":     {"deeper than a server would store", strings.Repeat(`{"a":`, 20000), true},
		"Nothing":  {"nothing at all", ``, true},
		"NoColon":  {"no colon", `{"a" 1}`, true},
		"EndComma": {"a list that goes on", `{"a":[1,]}`, true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := readValues([]byte(c.raw))
			if (err != nil) != c.bad {
				t.Fatalf("%s: %v", c.why, err)
			}
			if c.bad {
				return
			}
			out, err := writeJSON(got, DefaultLimits)
			if err != nil {
				t.Fatal(err)
			}
			var want, have any
			if err := json.Unmarshal([]byte(c.raw), &want); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(out, &have); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, have); diff != "" {
				t.Errorf("%s:\n%s", c.why, diff)
			}
		})
	}
}
