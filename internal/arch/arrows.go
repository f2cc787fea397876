// SPDX-License-Identifier: Apache-2.0

package arch

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// testLibs may be imported by nobody: a test here is `testing` and a diff.
var testLibs = []string{
	"github.com/onsi/ginkgo", "github.com/onsi/ginkgo/v2", "github.com/onsi/gomega", "github.com/stretchr/testify",
}

// Arrows returns every import that points where its layer may not.
func Arrows(t *Tree) []string {
	var out []string
	for _, f := range t.Go {
		if t.module(f.Dir) != "" {
			continue // its go.mod keeps its arrows
		}
		layer, peer := layerOf(f.Dir)
		if layer == nil {
			out = append(out, fmt.Sprintf("%s: folder %s is in no layer: name it in internal/arch/layers.go", f.Path, f.Dir))
			continue
		}
		for _, spec := range f.AST.Imports {
			imp, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				continue // the compiler says it better
			}
			if why := forbidden(f, layer, peer, imp); why != "" {
				out = append(out, fmt.Sprintf("%s: imports %s: %s", f.Path, imp, why))
			}
		}
	}
	return out
}

// forbidden says why a file of a layer may not import imp, or nothing.
func forbidden(f File, l *Layer, peer, imp string) string {
	switch {
	case underAny(imp, testLibs):
		return "tests use testing and go-cmp"
	case under(imp, Module):
		return crossing(f, l, peer, strings.TrimPrefix(strings.TrimPrefix(imp, Module), "/"))
	case f.Test:
		return ""
	case slices.Contains(l.Never, imp):
		return fmt.Sprintf("never in %s: %s", l.Name, l.Why)
	case external(imp) && l.Libs != nil && !underAny(imp, l.Libs):
		return fmt.Sprintf("%s may use [%s] and the standard library: %s", l.Name, strings.Join(l.Libs, " "), l.Why)
	}
	return ""
}

// crossing judges an import within the module. Tests of the outer layers put
// real parts together, so only the pure ones are held to their arrows.
func crossing(f File, l *Layer, peer, dir string) string {
	to, toPeer := layerOf(dir)
	switch {
	case to == nil:
		return "a folder that is in no layer"
	case f.Test && (to.Name == "testkit" || to.Name == "offline"):
		return ""
	case f.Test && l.Never == nil && l.Name != "test":
		return ""
	case to == l && (l.Peers || peer == toPeer):
		return ""
	case to == l:
		return fmt.Sprintf("two of %s never import each other: %s", l.Name, l.Why)
	case slices.Contains(l.May, to.Name):
		return ""
	}
	return fmt.Sprintf("%s may import [%s], not %s: %s", l.Name, strings.Join(l.May, " "), to.Name, l.Why)
}

// external says whether an import path comes from outside the standard library.
func external(imp string) bool {
	first, _, _ := strings.Cut(imp, "/")
	return strings.Contains(first, ".")
}
