// SPDX-License-Identifier: Apache-2.0

package arch

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// tree reads the real one, which starts two folders up.
func tree(t *testing.T) *Tree {
	t.Helper()
	got, err := Read(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// planted reads a tree that is made of the given files.
func planted(t *testing.T, files map[string]string) *Tree {
	t.Helper()
	m := fstest.MapFS{}
	for name, text := range files {
		m[name] = &fstest.MapFile{Data: []byte(text)}
	}
	got, err := Read(m)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func report(t *testing.T, found []string) {
	t.Helper()
	for _, f := range found {
		t.Error(f)
	}
}

func TestTheTree(t *testing.T) {
	real := tree(t)
	t.Run("Arrows", func(t *testing.T) { report(t, Arrows(real)) })
	t.Run("Habits", func(t *testing.T) { report(t, Habits(real)) })
	t.Run("Purity", func(t *testing.T) { report(t, Purity(real)) })
	t.Run("Fronts", func(t *testing.T) { report(t, Fronts(real)) })
	t.Run("Maps", func(t *testing.T) { report(t, Maps(real)) })
	t.Run("Links", func(t *testing.T) {
		found, err := Links(real)
		if err != nil {
			t.Fatal(err)
		}
		report(t, found)
	})
	t.Run("MakeHelp", func(t *testing.T) {
		text, err := os.ReadFile("../../Makefile")
		if err != nil {
			t.Fatal(err)
		}
		report(t, Targets(text))
	})
}

func TestArrows(t *testing.T) {
	const head = spdx + "\n\npackage x\n\n"
	cases := map[string]struct {
		why  string
		file string
		imp  string
		want string // part of what is found; nothing means allowed
	}{
		"CoreNet":          {"the core has no IO", "internal/core/plan/x.go", "net/http", "never in core"},
		"CoreOS":           {"not even the environment", "internal/core/plan/x.go", "os", "never in core"},
		"CoreClient":       {"a client is IO by another name", "internal/core/plan/x.go", "k8s.io/client-go/kubernetes", "core may use"},
		"CoreJSONPath":     {"but this corner of client-go only computes", "internal/core/render/x.go", "k8s.io/client-go/util/jsonpath", ""},
		"CorePeers":        {"nouns of the core build on each other", "internal/core/plan/x.go", Module + "/internal/core/param", ""},
		"CoreUp":           {"the core does not know who calls it", "internal/core/plan/x.go", Module + "/internal/loop", "not loop"},
		"CoreTestUp":       {"nor do its tests", "internal/core/plan/x_test.go", Module + "/internal/kube", "not adapter"},
		"CoreTestkit":      {"builders serve every test", "internal/core/plan/x_test.go", Module + "/internal/testkit", ""},
		"ApiClient":        {"api is light for those who import it", "api/carto/v1alpha1/x.go", "sigs.k8s.io/controller-runtime", "api may use"},
		"ApiMachinery":     {"types need their machinery", "api/carto/v1alpha1/x.go", "k8s.io/apimachinery/pkg/runtime", ""},
		"ApiInternal":      {"api lies at the bottom", "api/carto/v1alpha1/x.go", Module + "/internal/fault", "not fault"},
		"AdapterAdapter":   {"peers meet in cmd", "internal/kube/x.go", Module + "/internal/registry", "two of adapter"},
		"AdapterOwnChild":  {"a folder may have folders", "internal/kube/x.go", Module + "/internal/kube/apply", ""},
		"AdapterStory":     {"a port is met structurally", "internal/registry/x.go", Module + "/internal/controller/imagerepository", "not controller"},
		"AdapterTest":      {"a contract test may put two real parts together", "internal/artifact/x_test.go", Module + "/internal/registry", ""},
		"StoryAdapter":     {"a story declares its port", "internal/controller/imagerepository/x.go", Module + "/internal/registry", "not adapter"},
		"StoryStory":       {"stories wake each other through the API only", "internal/controller/owner/x.go", Module + "/internal/controller/blueprint", "two of controller"},
		"StoryOwn":         {"a story may have chapters", "internal/controller/owner/x.go", Module + "/internal/controller/owner/index", ""},
		"CmdSeesAll":       {"wiring sees both sides", "cmd/rhumb-controller/x.go", Module + "/internal/registry", ""},
		"CmdNoTestkit":     {"nothing of the tests is shipped", "cmd/rhumb-controller/x.go", Module + "/internal/testkit", "not testkit"},
		"JourneyInside":    {"a journey sees what a user sees", "test/e2e/x_test.go", Module + "/internal/kube", "not adapter"},
		"ExampleLibrary":   {"an example is read first", "examples/apps/a/x.go", "github.com/spf13/cobra", "examples may use"},
		"ConfigTypes":      {"definitions are made of types", "config/gen/x.go", Module + "/api/carto/v1alpha1", ""},
		"ConfigCore":       {"and of nothing that runs", "config/x.go", Module + "/internal/core/plan", "not core"},
		"Testify":          {"one way to assert", "internal/kube/x_test.go", "github.com/stretchr/testify/require", "go-cmp"},
		"UnknownFolder":    {"a new folder has to find its layer", "internal/helpers/x.go", "fmt", "in no layer"},
		"UnknownImport":    {"also when it is imported", "internal/kube/x.go", Module + "/internal/helpers", "in no layer"},
		"NameIsNotPrefix":  {"kubernetes is not kube", "internal/kubernetes/x.go", "fmt", "in no layer"},
		"LabIsItsOwn":      {"the lab is another module", "lab/up/x.go", "k8s.io/kubernetes", ""},
		"ArchHangsNowhere": {"who checks is not part of it", "internal/arch/x.go", Module + "/api/carto/v1alpha1", "not api"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := Arrows(planted(t, map[string]string{"lab/go.mod": "module x\n", tc.file: head + "import _ \"" + tc.imp + "\"\n"}))
			match(t, tc.why, got, tc.want)
		})
	}
}

func TestHabits(t *testing.T) {
	body := strings.Repeat("\t_ = 0\n", maxFunctionLines)
	cases := map[string]struct {
		why  string
		file string
		text string
		want string
	}{
		"Good":       {"the shape of every file", "a/a.go", spdx + "\n\n// Package a is a.\npackage a\n", ""},
		"Licence":    {"whoever copies a file copies its licence", "a/a.go", "// Package a is a.\npackage a\n", "first line"},
		"Comment":    {"a package says what it is for", "a/a.go", spdx + "\n\npackage a\n", "no package comment"},
		"LongFile":   {"one concept a file", "a/a.go", spdx + "\n\n// Package a is a.\npackage a\n" + strings.Repeat("\n", maxFileLines), "400"},
		"LongFunc":   {"a function fits a screen", "a/a.go", spdx + "\n\n// Package a is a.\npackage a\n\nfunc f() {\n" + body + "}\n", "f has 62 lines"},
		"LongTable":  {"a table of cases is data", "a/a_test.go", spdx + "\n\npackage a\n\nfunc f() {\n" + body + "}\n", ""},
		"Generated":  {"nobody reads what a generator wrote", "a/zz_generated.deepcopy.go", "// Package a is a.\npackage a\n", ""},
		"TestSleep":  {"a sleep is too short or too long", "a/a_test.go", spdx + "\n\npackage a\n\nfunc f() { time." + "Sleep(1) }\n", "time.Sleep"},
		"TestSkip":   {"a skipped test passes for ever", "a/a_test.go", spdx + "\n\npackage a\n\nfunc f() { t." + "Skip(1) }\n", "t.Skip"},
		"Testdata":   {"input of a test is not code", "a/testdata/a.go", "package a\n", ""},
		"BuiltStuff": {"what is built is not written", "bin/a.go", "package a\n", ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			match(t, tc.why, Habits(planted(t, map[string]string{tc.file: tc.text})), tc.want)
		})
	}
}

func TestFronts(t *testing.T) {
	const contract = "import _ \"" + Module + "/internal/registry/contract\"\n"
	cases := map[string]struct{ why, file, text, want string }{
		"Own":      {"a registry in memory that nobody watches", "cmd/a/a_test.go", `import _ "github.com/google/go-containerregistry/pkg/registry"`, "behind its front"},
		"OwnReal":  {"nor the real one", "internal/archive/a_test.go", `import _ "github.com/distribution/distribution/v3/registry/handlers"`, "behind its front"},
		"Served":   {"a registry beside the front", "internal/archive/a_test.go", contract + "func f() { httptest." + "NewServer(nil) }", "contract.NewFront"},
		"ByTLS":    {"nor with a certificate", "cmd/a/a_test.go", contract + "func f() { httptest." + "NewTLSServer(nil) }", "contract.NewTLSFront"},
		"Behind":   {"what the front is for", "cmd/a/a_test.go", contract + "func f() { contract.NewFront(nil, nil) }", ""},
		"Shipped":  {"a program does not bring a registry", "cmd/a/a.go", contract, "it is for tests"},
		"Another":  {"a server that is no registry", "cmd/a/a_test.go", "func f() { httptest." + "NewServer(nil) }", ""},
		"TheFront": {"somebody has to serve", "internal/registry/contract/a.go", `import _ "github.com/google/go-containerregistry/pkg/registry"` + "\nfunc f() { httptest." + "NewServer(nil) }", ""},
		"TheLab":   {"a registry is what the lab is about", "lab/a_test.go", `import _ "github.com/google/go-containerregistry/pkg/registry"`, ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			match(t, tc.why, Fronts(planted(t, map[string]string{tc.file: spdx + "\n\npackage a\n\n" + tc.text + "\n"})), tc.want)
		})
	}
}

func TestPurity(t *testing.T) {
	cases := map[string]struct {
		why  string
		file string
		body string
		want string
	}{
		"Clock":      {"now arrives as an argument", "internal/core/plan/x.go", "_ = time.Now()", "time.Now"},
		"ClockValue": {"also when it is only passed on", "internal/core/plan/x.go", "g(time.Now)", "time.Now"},
		"Goroutine":  {"who calls decides what runs at once", "internal/core/plan/x.go", "go g()", "goroutine"},
		"Duration":   {"arithmetic on times is pure", "internal/core/plan/x.go", "_ = 2 * time.Second", ""},
		"Elsewhere":  {"adapters live in time", "internal/kube/x.go", "_ = time.Now()", ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			text := spdx + "\n\npackage x\n\nfunc f() { " + tc.body + " }\n"
			match(t, tc.why, Purity(planted(t, map[string]string{tc.file: text})), tc.want)
		})
	}
}

func TestMaps(t *testing.T) {
	const code = spdx + "\n\n// Package a is a.\npackage a\n"
	files := map[string]string{
		"internal/a/a.go": code, "cmd/b/b.go": code, "lab/go.mod": "module x\n", "lab/deep/down/c.go": code,
		"lab/inner/go.mod": "module y\n", "lab/inner/d.go": code,
		"ARCHITECTURE.md": "```\ninternal/a/   the a\ncmd/gone/  went\nlab/   the lab\n```\ninternal/b/ is prose\n",
		"README.md":       "internal/   inside\ncmd/  programs\nlab/  the lab\n",
	}
	want := []string{
		"ARCHITECTURE.md: draws cmd/gone/, which does not exist",
		"ARCHITECTURE.md: its map lacks cmd/b/: add a line `cmd/b/  what it is for`",
	}
	if diff := cmp.Diff(want, Maps(planted(t, files))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestTargets(t *testing.T) {
	const makefile = "X := 1\ntest: build ## run them\n\tgo test\nhidden:\n\ttrue\n.PHONY: test\n"
	want := []string{"Makefile: target hidden is not in `make help`: add `## what it does` to its line"}
	if diff := cmp.Diff(want, Targets([]byte(makefile))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestLinks(t *testing.T) {
	got, err := Links(planted(t, map[string]string{
		"docs/a.md": "[up](../README.md#top) [here](#x) [out](https://example.com/a)\n[gone](b.md)\n",
		"README.md": "[docs](docs/a.md) [folder](docs)\n",
	}))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"docs/a.md:2: leads to docs/b.md, which does not exist"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// match wants exactly one finding that holds want, or none at all.
func match(t *testing.T, why string, got []string, want string) {
	t.Helper()
	switch {
	case want == "" && len(got) == 0:
	case want != "" && len(got) == 1 && strings.Contains(got[0], want):
	default:
		t.Errorf("%s: want one finding with %q, got %q", why, want, got)
	}
}
