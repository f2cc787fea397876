// SPDX-License-Identifier: Apache-2.0

package draft

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"rhumb.run/rhumb/api/carto/v1alpha1"
)

func workload(t *testing.T, text string) *v1alpha1.Workload {
	t.Helper()
	w := &v1alpha1.Workload{}
	if err := yaml.UnmarshalStrict([]byte(text), w); err != nil {
		t.Fatal(err)
	}
	return w
}

// same compares what developers would read.
func same(t *testing.T, why, want string, got *v1alpha1.Workload) {
	t.Helper()
	x, err := YAML(workload(t, want))
	if err != nil {
		t.Fatal(err)
	}
	y, err := YAML(got)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(x, y); d != "" {
		t.Errorf("%s (-want +got):\n%s", why, d)
	}
}

const there = `
metadata:
  name: shop
  resourceVersion: "7"
  uid: abc
  labels: {team: a, type: web}
  annotations: {kubectl.kubernetes.io/last-applied-configuration: "{}", note: n}
spec:
  source: {git: {url: https://git.example/shop, ref: {branch: main}}, subPath: app}
  params: [{name: one, value: 1}, {name: annotations, value: {a: "1", b: "2"}}]
  env: [{name: A, value: "1"}, {name: S, valueFrom: {secretKeyRef: {name: s, key: k}}}]
  resources: {limits: {cpu: 500m, memory: 1Gi}}
  serviceAccountName: dev
  serviceClaims: [{name: db, ref: {apiVersion: v1, kind: DB, name: x}}]
status: {observedGeneration: 3}
`

func TestFileOverWhatIsThere(t *testing.T) {
	for name, c := range map[string]struct {
		why, file, merged, replaced string
	}{
		"Nothing": {
			"a file that lacks everything takes nothing away, unless it is to replace",
			`{metadata: {name: shop}, spec: {}}`, there, `{metadata: {name: shop}, spec: {}}`,
		},
		"Items": {
			"items that have a name count by themselves",
			`{metadata: {name: shop, labels: {type: api}}, spec: {params: [{name: one, value: {x: 2}}, {name: two, value: []}], env: [{name: B, value: b}]}}`,
			strings.NewReplacer("type: web", "type: api", "{name: one, value: 1}", "{name: one, value: {x: 2}}", `b: "2"}}]`, `b: "2"}}, {name: two, value: []}]`,
				"key: k}}}]", "key: k}}}, {name: B, value: b}]").Replace(there),
			`{metadata: {name: shop, labels: {type: api}}, spec: {params: [{name: one, value: {x: 2}}, {name: two, value: []}], env: [{name: B, value: b}]}}`,
		},
		"Limits": {
			"one limit leaves the other",
			`{metadata: {name: shop}, spec: {resources: {limits: {cpu: "1"}, requests: {memory: 1Mi}}}}`,
			strings.Replace(there, "{limits: {cpu: 500m, memory: 1Gi}}", `{limits: {cpu: "1", memory: 1Gi}, requests: {memory: 1Mi}}`, 1),
			`{metadata: {name: shop}, spec: {resources: {limits: {cpu: "1"}, requests: {memory: 1Mi}}}}`,
		},
		"Revision": {
			"of a git source each field counts by itself",
			`{metadata: {name: shop}, spec: {source: {git: {ref: {tag: v1}}}}}`,
			strings.Replace(there, "{branch: main}", "{branch: main, tag: v1}", 1),
			`{metadata: {name: shop}, spec: {source: {git: {ref: {tag: v1}}}}}`,
		},
		"Image": {
			"a built image takes the source away: they exclude each other",
			`{metadata: {name: shop}, spec: {image: a}}`,
			strings.Replace(there, "source: {git: {url: https://git.example/shop, ref: {branch: main}}, subPath: app}", "image: a", 1),
			`{metadata: {name: shop}, spec: {image: a}}`,
		},
		"SourceImage": {
			"source in an image takes git away",
			`{metadata: {name: shop}, spec: {source: {image: a}}}`,
			strings.Replace(there, "git: {url: https://git.example/shop, ref: {branch: main}}", "image: a", 1),
			`{metadata: {name: shop}, spec: {source: {image: a}}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			is, file := workload(t, there), workload(t, c.file)
			same(t, c.why, c.merged, Merge(is, file))
			replaced := Replace(is, file)
			same(t, c.why, c.replaced, replaced)
			if replaced.UID != "abc" || replaced.ResourceVersion != "7" || len(replaced.Annotations) != 1 {
				t.Errorf("what is not the developer's does not stay: %v", replaced.ObjectMeta)
			}
			same(t, "what is there is left as it was", there, is)
		})
	}
}

func TestFlags(t *testing.T) {
	const bare = `{metadata: {name: shop}, spec: {}}`
	for name, c := range map[string]struct {
		why   string
		from  string
		flags Flags
		want  string
	}{
		"None": {"nothing was asked for", there, Flags{}, there},
		"Labels": {
			"labels, and what stands for labels", bare,
			Flags{Labels: []string{"a=1", "b-", "c="}, App: new("store"), Type: new("web")},
			`{metadata: {name: shop, labels: {a: "1", c: "", app.kubernetes.io/part-of: store, apps.tanzu.vmware.com/workload-type: web}}, spec: {}}`,
		},
		"NoApp": {"nothing takes a label away", `{metadata: {name: shop, labels: {app.kubernetes.io/part-of: store}}, spec: {}}`, Flags{App: new("")}, bare},
		"Params": {
			"text stays text, and YAML is what it says", bare,
			Flags{Params: []string{"a=1", "b={x: 1}"}, ParamsYAML: []string{"c={x: 1}", "d=2", `e="3"`}},
			`{metadata: {name: shop}, spec: {params: [{name: a, value: "1"}, {name: b, value: "{x: 1}"}, {name: c, value: {x: 1}}, {name: d, value: 2}, {name: e, value: "3"}]}}`,
		},
		"Annotations": {
			"one key of the param, and the param goes with its last", there,
			Flags{Annotations: []string{"a-", "b-"}, Params: []string{"one-"}},
			strings.Replace(there, `params: [{name: one, value: 1}, {name: annotations, value: {a: "1", b: "2"}}]`, "params: []", 1),
		},
		"Env": {
			"one is replaced in its place, one goes, one comes", there,
			Flags{Env: []string{"S-", "A=x=y", "Z="}, BuildEnv: []string{"B=1"}},
			strings.NewReplacer(`{name: A, value: "1"}, {name: S, valueFrom: {secretKeyRef: {name: s, key: k}}}`, `{name: A, value: "x=y"}, {name: Z}`,
				"serviceAccountName", "build: {env: [{name: B, value: \"1\"}]}\n  serviceAccountName").Replace(there),
		},
		"Resources": {
			"limits and requests", there,
			Flags{LimitCPU: new(""), LimitMemory: new(""), RequestCPU: new("1")},
			strings.Replace(there, "{limits: {cpu: 500m, memory: 1Gi}}", `{requests: {cpu: "1"}}`, 1),
		},
		"NoResources": {
			"nothing is left of what is empty", there,
			Flags{LimitCPU: new(""), LimitMemory: new("")},
			strings.Replace(there, "  resources: {limits: {cpu: 500m, memory: 1Gi}}\n", "", 1),
		},
		"Tag": {
			"another revision, the old one taken away", there,
			Flags{GitBranch: new(""), GitTag: new("v1")},
			strings.Replace(there, "branch: main", "tag: v1", 1),
		},
		"NoGit": {"a repository goes with its revision", there, Flags{GitRepo: new(""), SubPath: new("")}, strings.Replace(there, "  source: {git: {url: https://git.example/shop, ref: {branch: main}}, subPath: app}\n", "", 1)},
		"Image": {
			"a built image takes the place of the source", there,
			Flags{Image: new("a")},
			strings.Replace(there, "source: {git: {url: https://git.example/shop, ref: {branch: main}}, subPath: app}", "image: a", 1),
		},
		"Git": {
			"git takes the place of the image", `{metadata: {name: shop}, spec: {image: a}}`,
			Flags{GitRepo: new("u"), GitBranch: new("b")},
			`{metadata: {name: shop}, spec: {source: {git: {url: u, ref: {branch: b}}}}}`,
		},
		"Services": {
			"a claim comes, and one goes", there,
			Flags{ServiceRefs: []string{"db-", "mq=rabbit.example/v1:Queue:jobs"}, ServiceAccount: new("")},
			strings.NewReplacer("{name: db, ref: {apiVersion: v1, kind: DB, name: x}}", "{name: mq, ref: {apiVersion: rabbit.example/v1, kind: Queue, name: jobs}}",
				"  serviceAccountName: dev\n", "").Replace(there),
		},
		"Maven": {
			"keys of one param", `{metadata: {name: shop}, spec: {params: [{name: maven, value: {version: "1", type: war}}]}}`,
			Flags{MavenArtifact: new("a"), MavenGroup: new("g"), MavenVersion: new("2"), MavenType: new("")},
			`{metadata: {name: shop}, spec: {params: [{name: maven, value: {artifactId: a, groupId: g, version: "2"}}]}}`,
		},
		"Switches": {
			"true is text, since templates compare it so; false takes it away",
			`{metadata: {name: shop}, spec: {params: [{name: debug, value: "true"}]}}`,
			Flags{Debug: new(false), LiveUpdate: new(true)},
			`{metadata: {name: shop}, spec: {params: [{name: live-update, value: "true"}]}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := workload(t, c.from)
			if err := c.flags.Over(w); err != nil {
				t.Fatal(err)
			}
			same(t, c.why, c.want, w)
		})
	}
}

func TestRefused(t *testing.T) {
	for name, c := range map[string]struct {
		why   string
		flags Flags
		want  string
	}{
		"Pair":    {"neither form", Flags{Env: []string{"A"}}, "--env A is neither KEY=VALUE nor KEY-"},
		"NoKey":   {"a value of nothing", Flags{Params: []string{"=1"}}, "--param =1 has no key"},
		"YAML":    {"text that cannot be read", Flags{ParamsYAML: []string{"a={"}}, "--param-yaml a is not YAML"},
		"Amount":  {"no quantity", Flags{RequestMemory: new("much")}, "--request-memory much is no quantity"},
		"Less":    {"nobody can have less than nothing", Flags{LimitCPU: new("-1")}, "--limit-cpu -1 is no quantity"},
		"Service": {"a part is missing", Flags{ServiceRefs: []string{"db=v1:DB"}}, "is not NAME=APIVERSION:KIND:NAME"},
		"Both":    {"two sources", Flags{GitRepo: new("u"), Image: new("i")}, "name one"},
		"NoRef":   {"which revision", Flags{GitRepo: new("u")}, "--git-branch, --git-tag or --git-commit"},
		"NoRepo":  {"of which repository", Flags{GitTag: new("v1")}, "--git-repo URL"},
		"SubPath": {"the folder of nothing", Flags{SubPath: new("app")}, "--sub-path needs a source"},
	} {
		t.Run(name, func(t *testing.T) {
			w := workload(t, `{metadata: {name: shop}, spec: {}}`)
			err := c.flags.Over(w)
			if err == nil {
				err = Check(w)
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: got %v, want %s", c.why, err, c.want)
			}
		})
	}
}

// Nothing is touched in which both agree, and only the version that was seen is changed.
func TestPatch(t *testing.T) {
	is := workload(t, there)
	wanted := is.DeepCopy()
	delete(wanted.Labels, "team")
	wanted.Spec.ServiceAccountName = ""
	wanted.Spec.Source.Git.Ref.Branch = new("next")
	patch, err := Patch(is, wanted)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"metadata":{"labels":{"team":null},"resourceVersion":"7"},"spec":{"serviceAccountName":null,"source":{"git":{"ref":{"branch":"next"}}}}}`
	if d := cmp.Diff(want, string(patch)); d != "" {
		t.Error(d)
	}
}

func TestDiff(t *testing.T) {
	lines := func(n int, change map[int]string) string {
		var b strings.Builder
		for i := 1; i <= n; i++ {
			if l, ok := change[i]; ok {
				b.WriteString(l)
				continue
			}
			b.WriteString("l" + string(rune('a'+i%26)) + strings.Repeat("x", i) + "\n")
		}
		return b.String()
	}
	for name, c := range map[string]struct {
		why, before, after, want string
	}{
		"Same": {"nothing differs", "a\nb\n", "a\nb\n", ""},
		"New":  {"all is new", "", "a\nb\n", "      1 + |a\n      2 + |b\n"},
		"Far": {
			"what is far from a change is left out, and the numbers are of both",
			lines(12, nil), lines(12, map[int]string{6: "", 7: "new\n"}),
			"...\n  2,  2   |lcxx\n  3,  3   |ldxxx\n  4,  4   |lexxxx\n  5,  5   |lfxxxxx\n  6     - |lgxxxxxx\n  7     - |lhxxxxxxx\n      6 + |new\n" +
				"  8,  7   |lixxxxxxxx\n  9,  8   |ljxxxxxxxxx\n 10,  9   |lkxxxxxxxxxx\n 11, 10   |llxxxxxxxxxxx\n...\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			var got strings.Builder
			for _, l := range Diff(c.before, c.after) {
				got.WriteString(l.Text + "\n")
			}
			if d := cmp.Diff(c.want, got.String()); d != "" {
				t.Errorf("%s (-want +got):\n%s", c.why, d)
			}
		})
	}
}
