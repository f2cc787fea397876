// SPDX-License-Identifier: Apache-2.0

package config

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
)

// toldOn are the pages of the reference that must tell of a group of
// conditions and reasons: the group is known by how its comment begins.
var toldOn = map[string]map[string][]string{
	"../api/carto/v1alpha1/conditions.go": {
		"The summary.":                          {"workload", "deliverable", "runnable", "pipeline", "clustersupplychain", "clusterdelivery"},
		"SupplyChainReady, on a Workload.":      {"workload"},
		"DeliveryReady, on a Deliverable.":      {"deliverable"},
		"SupplyChainReady and DeliveryReady":    {"workload", "deliverable"},
		"ResourcesSubmitted on an owner,":       {"workload", "deliverable"},
		"ResourcesHealthy on an owner,":         {"workload", "deliverable"},
		"TemplatesReady, on a ClusterSupplyCha": {"clustersupplychain", "clusterdelivery"},
		"RunTemplateReady, on a Runnable.":      {"runnable", "pipeline"},
		"StampedObjectCondition, on a Runnable": {"runnable"},
	},
	"../api/source/v1alpha1/conditions.go": {
		"Condition types and reasons, as a tree.": {"imagerepository"},
		"Reasons while all is well,":              {"imagerepository"},
		"Reasons why an image cannot be":          {"imagerepository"},
	},
	"../api/rhumb/v1alpha1/conditions.go": {
		"Condition types, as a tree.":               {"imageclonepolicy", "clonedimage"},
		"Conditions of an ImageClonePolicy alone.":  {"imageclonepolicy"},
		"Conditions of a ClonedImage alone.":        {"clonedimage"},
		"Reasons while all is well, or nothing":     {"imageclonepolicy", "clonedimage"},
		"Reasons on a policy's conditions.":         {"imageclonepolicy"},
		"Reasons on a cloned image's conditions,":   {"clonedimage"},
		"Reasons why an image could not be copied:": {"clonedimage"},
		"Reasons about credentials, on a policy":    {"imageclonepolicy", "clonedimage"},
	},
	"../api/rhumb/v1alpha1/annotations.go": {
		"Annotations of objects whose images": {"imageclonepolicy"},
		"EnvironmentPolicy is the name":       {"imageclonepolicy"},
	},
	"../internal/core/image/failure.go": {"Why an image could not be": {"imagerepository"}},
}

// onlyOn are those of a group that not all of its kinds can have.
var onlyOn = map[string][]string{
	"UnknownReason": {"workload", "deliverable", "runnable"}, // the sum of nothing: there is always something to sum up
	"DryRunReason":  {"imageclonepolicy"},
	"DeployableConditionNotMetResourcesSubmittedReason":    {"deliverable"},
	"DeployableFailedConditionMetResourcesSubmittedReason": {"deliverable"},
}

// Every condition and every reason stands in a table of each page whose kind can have it.
func TestEveryReasonIsTold(t *testing.T) {
	for file, groups := range toldOn {
		seen := map[string]bool{}
		for _, g := range constants(t, file) {
			group := ""
			for begins := range groups {
				if strings.HasPrefix(g.comment, begins) {
					group = begins
				}
			}
			if group == "" {
				t.Errorf("%s: which pages tell of the constants under %q?", file, g.comment)
				continue
			}
			seen[group] = true
			for _, name := range slices.Sorted(maps.Keys(g.words)) {
				word := g.words[name]
				pages := groups[group]
				if only, limited := onlyOn[name]; limited {
					pages = only
				}
				for _, page := range pages {
					if !inTable(t, page, word) {
						t.Errorf("docs/reference/%s.md: no table says what %s means, and what to do", page, word)
					}
				}
			}
		}
		for begins := range groups {
			if !seen[begins] {
				t.Errorf("%s: no constants under %q", file, begins)
			}
		}
	}
}

// never are the words of Cartographer that nothing here gives.
var never = []string{"ServiceAccountTokenError", "NoResource", "NoStampedObject"}

// Every condition and every reason of owners, blueprints and runnables happens in a story.
func TestEveryReasonHasAStory(t *testing.T) {
	files, err := filepath.Glob("../test/stories/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no stories: %v", err)
	}
	happens := map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, wanted, _ := strings.Cut(string(text), "\n-- want/")
		for _, w := range word.FindAllString(wanted, -1) {
			happens[w] = true
		}
	}
	for _, g := range constants(t, "../api/carto/v1alpha1/conditions.go") {
		for name, w := range g.words {
			if happens[w] == slices.Contains(never, w) {
				t.Errorf("%s: %s happens in a story: %t", name, w, happens[w])
			}
		}
	}
}

// group is a block of constants and the comment above it.
type group struct {
	comment string
	words   map[string]string
}

// constants are those of a file that are written as a text of their own.
func constants(t *testing.T, file string) []group {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	var out []group
	for _, d := range parsed.Decls {
		block, is := d.(*ast.GenDecl)
		if !is || block.Tok != token.CONST {
			continue
		}
		g := group{comment: block.Doc.Text(), words: map[string]string{}}
		for _, spec := range block.Specs {
			v := spec.(*ast.ValueSpec)
			literal, is := v.Values[0].(*ast.BasicLit)
			if !is {
				continue // another name for a word that stands elsewhere
			}
			word, err := strconv.Unquote(literal.Value)
			if err != nil {
				t.Fatal(err)
			}
			g.words[v.Names[0].Name] = word
		}
		out = append(out, g)
	}
	return out
}

// inTable tells whether a row of a table of the page, whose last cell says something, names a word.
func inTable(t *testing.T, page, word string) bool {
	t.Helper()
	for line := range strings.Lines(reference(t, page)) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") || !strings.Contains(line, "`"+word+"`") {
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		if strings.TrimSpace(cells[len(cells)-1]) != "" {
			return true
		}
	}
	return false
}

func reference(t *testing.T, page string) string {
	t.Helper()
	text, err := os.ReadFile("../docs/reference/" + page + ".md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// sharedBy are pages that tell of fields which several kinds have.
var sharedBy = map[string][]string{
	"clustersourcetemplate": {"templates"}, "clusterimagetemplate": {"templates"}, "clusterconfigtemplate": {"templates"},
	"clustertemplate": {"templates"}, "clusterdeploymenttemplate": {"templates"},
	"clusterdelivery": {"clustersupplychain"}, "deliverable": {"workload"},
	"pipeline": {"runnable"}, "runtemplate": {"clusterruntemplate"},
}

// Kubernetes' own, and the condition's, which every kind has alike.
var ofOthers = regexp.MustCompile(`^\.spec\.(env|build\.env|resources)(\[\]|\.(limits|requests|claims))|conditions\[\]\.|^\.spec\.template\.`)

// Every field that the API server takes is named on its kind's page, or on one that the page leads to.
func TestEveryFieldIsOnItsPage(t *testing.T) {
	for _, crd := range definitions(t) {
		page := strings.ToLower(crd.Spec.Names.Kind)
		text := reference(t, page)
		for _, other := range sharedBy[page] {
			if !strings.Contains(text, "("+other+".md") {
				t.Errorf("docs/reference/%s.md does not lead to %s.md", page, other)
			}
			text += reference(t, other)
		}
		code := inCode(text)
		for _, path := range slices.Sorted(maps.Keys(fields(crd.Spec.Versions[0].Schema.OpenAPIV3Schema, ""))) {
			name := path[strings.LastIndex(path, ".")+1:]
			if !ofOthers.MatchString(path) && !slices.Contains(code, name) {
				t.Errorf("docs/reference/%s.md does not name %s", page, path)
			}
		}
	}
}

var (
	codeSpan = regexp.MustCompile("(?s)```.*?```|`[^`]+`")
	word     = regexp.MustCompile(`[A-Za-z]+`)
)

// inCode are the words that a page writes as code.
func inCode(text string) []string {
	var out []string
	for _, span := range codeSpan.FindAllString(text, -1) {
		out = append(out, word.FindAllString(span, -1)...)
	}
	return out
}

// fields are the paths of spec and status.
func fields(s *apiextensionsv1.JSONSchemaProps, path string) map[string]bool {
	out := map[string]bool{}
	for name, field := range s.Properties {
		if path == "" && name != "spec" && name != "status" {
			continue
		}
		at := path + "." + name
		out[at] = true
		for below := range fields(&field, at) {
			out[below] = true
		}
	}
	if s.Items != nil {
		for below := range fields(s.Items.Schema, path+"[]") {
			out[below] = true
		}
	}
	if s.AdditionalProperties != nil && s.AdditionalProperties.Schema != nil {
		for below := range fields(s.AdditionalProperties.Schema, path+"[*]") {
			out[below] = true
		}
	}
	return out
}
