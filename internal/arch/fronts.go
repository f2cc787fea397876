// SPDX-License-Identifier: Apache-2.0

package arch

import (
	"fmt"
	"strings"
)

// fronts is the folder whose Front stands before every registry of a test.
const fronts = "internal/registry/contract"

// registries are what a test can run a registry with.
var registries = []string{"github.com/google/go-containerregistry/pkg/registry", "github.com/distribution/distribution/v3"}

// bare serves without a Front.
var bare = map[string]string{
	"httptest.NewServer":          "serve it by contract.NewFront, which sees whether a credential is shown to whom it is not for",
	"httptest.NewTLSServer":       "serve it by contract.NewTLSFront, which sees whether a credential is shown to whom it is not for",
	"httptest.NewUnstartedServer": "serve it by contract.NewFront, which sees whether a credential is shown to whom it is not for",
}

// Fronts returns the tests that could show a credential of one registry to another, and nobody would see it: registries come
// from the folder of the Front, and whoever uses that folder serves by it. The lab and the benchmarks count by themselves.
func Fronts(t *Tree) []string {
	var out []string
	for _, f := range t.Go {
		if under(f.Dir, fronts) || under(f.Dir, "lab") || under(f.Dir, "test") {
			continue
		}
		uses := false
		for _, i := range f.AST.Imports {
			path := strings.Trim(i.Path.Value, `"`)
			uses = uses || under(path, Module+"/"+fronts)
			if underAny(path, registries) {
				out = append(out, fmt.Sprintf("%s: imports %s: a registry of a test is one of %s, behind its front", f.Path, path, fronts))
			}
		}
		if uses {
			out = append(out, calls(f, bare)...)
		}
		if uses && !f.Test {
			out = append(out, f.Path+": imports "+fronts+", which brings a whole registry: it is for tests")
		}
	}
	return out
}
