// SPDX-License-Identifier: Apache-2.0

package arch

import (
	"fmt"
	"go/ast"
	"strings"
)

// Hard limits; CONTRIBUTING.md has the targets below them.
const (
	maxFileLines     = 400
	maxFunctionLines = 60
)

const spdx = "// SPDX-License-Identifier: Apache-2.0"

// Habits returns the files that break what CONTRIBUTING.md asks of each file.
func Habits(t *Tree) []string {
	var out []string
	commented, packages := map[string]bool{}, map[string]bool{}
	for _, f := range t.Go {
		if !f.Test {
			packages[f.Dir] = true
			commented[f.Dir] = commented[f.Dir] || f.AST.Doc.Text() != ""
		}
		if strings.HasPrefix(f.Path[strings.LastIndexByte(f.Path, '/')+1:], "zz_generated") {
			continue
		}
		out = append(out, oneFile(f)...)
	}
	for _, dir := range sorted(packages) {
		if !commented[dir] {
			out = append(out, dir+": no package comment: say what it is for, how data flows, what it never does")
		}
	}
	return out
}

func oneFile(f File) []string {
	var out []string
	if !strings.HasPrefix(f.Source, spdx+"\n") {
		out = append(out, fmt.Sprintf("%s: the first line is %q", f.Path, spdx))
	}
	if f.Lines > maxFileLines {
		out = append(out, fmt.Sprintf("%s: %d lines, at most %d: one concept a file", f.Path, f.Lines, maxFileLines))
	}
	for _, d := range f.AST.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || fn.Body == nil || f.Test {
			continue // a table of cases is data, however long
		}
		first, last := f.Fset.Position(fn.Pos()).Line, f.Fset.Position(fn.End()).Line
		if n := last - first + 1; n > maxFunctionLines {
			out = append(out, fmt.Sprintf("%s:%d: %s has %d lines, at most %d", f.Path, first, fn.Name.Name, n, maxFunctionLines))
		}
	}
	if f.Test {
		out = append(out, calls(f, testNever)...)
	}
	return out
}

// testNever is what makes a test slow, flaky or absent.
var testNever = map[string]string{
	"time.Sleep": "wait for the thing itself, by a watch or a channel",
	"t.Skip":     "a test that may not run says nothing",
	"t.Skipf":    "a test that may not run says nothing",
	"t.SkipNow":  "a test that may not run says nothing",
}

// coreNever is what an import list cannot tell: the rest of package time is
// arithmetic, and as welcome in the core as any.
var coreNever = map[string]string{
	"time.After":     "time arrives as an argument",
	"time.AfterFunc": "time arrives as an argument",
	"time.NewTicker": "time arrives as an argument",
	"time.NewTimer":  "time arrives as an argument",
	"time.Now":       "time arrives as an argument",
	"time.Since":     "time arrives as an argument",
	"time.Sleep":     "time arrives as an argument",
	"time.Tick":      "time arrives as an argument",
	"time.Until":     "time arrives as an argument",
}

// Purity returns the places where the core reads a clock or starts a goroutine.
func Purity(t *Tree) []string {
	var out []string
	for _, f := range t.Go {
		if f.Test || !underAny(f.Dir, []string{"api", "internal/core", "internal/fault"}) {
			continue
		}
		out = append(out, calls(f, coreNever)...)
		ast.Inspect(f.AST, func(n ast.Node) bool {
			if g, ok := n.(*ast.GoStmt); ok {
				out = append(out, fmt.Sprintf("%s:%d: a goroutine: concurrency is the caller's", f.Path, f.Fset.Position(g.Pos()).Line))
			}
			return true
		})
	}
	return out
}

// calls finds mentions of the names in banned, called or passed on.
func calls(f File, banned map[string]string) []string {
	var out []string
	ast.Inspect(f.AST, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if x, ok := sel.X.(*ast.Ident); ok {
			name := x.Name + "." + sel.Sel.Name
			if why, bad := banned[name]; bad {
				out = append(out, fmt.Sprintf("%s:%d: %s: %s", f.Path, f.Fset.Position(sel.Pos()).Line, name, why))
			}
		}
		return true
	})
	return out
}
