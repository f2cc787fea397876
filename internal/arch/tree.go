// SPDX-License-Identifier: Apache-2.0

package arch

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"sort"
	"strings"
)

// File is one parsed Go file.
type File struct {
	Path   string
	Dir    string
	Lines  int
	Test   bool
	Source string
	AST    *ast.File
	Fset   *token.FileSet
}

// Tree is what the checks look at.
type Tree struct {
	FS    fs.FS
	Go    []File
	Paths map[string]bool // every file and folder
}

// skipped folders hold what is built, not written.
var skipped = map[string]bool{".git": true, ".rhumb": true, "bin": true, "dist": true, "node_modules": true}

// Read parses every Go file below root, of every module in it. What lies in
// testdata counts as a path, not as code.
func Read(root fs.FS) (*Tree, error) {
	t := &Tree{FS: root, Paths: map[string]bool{}}
	err := fs.WalkDir(root, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := path.Base(p)
		t.Paths[p] = true
		switch {
		case d.IsDir() && p != "." && skipped[name]:
			return fs.SkipDir
		case d.IsDir(), !strings.HasSuffix(name, ".go"), strings.Contains(p, "testdata/"):
			return nil
		}
		f, err := parse(root, p)
		if err != nil {
			return err
		}
		t.Go = append(t.Go, f)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the tree: %w", err)
	}
	return t, nil
}

func parse(root fs.FS, p string) (File, error) {
	src, err := fs.ReadFile(root, p)
	if err != nil {
		return File{}, err
	}
	fset := token.NewFileSet()
	tree, err := parser.ParseFile(fset, p, src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return File{}, fmt.Errorf("parsing %s: %w", p, err)
	}
	return File{
		Path: p, Dir: path.Dir(p), Lines: strings.Count(string(src), "\n"),
		Test: strings.HasSuffix(p, "_test.go"), Source: string(src), AST: tree, Fset: fset,
	}, nil
}

// module is the folder of the module that dir belongs to, "" for the root's.
func (t *Tree) module(dir string) string {
	for ; dir != "."; dir = path.Dir(dir) {
		if t.Paths[dir+"/go.mod"] {
			return dir
		}
	}
	return ""
}

// Packages lists the folders of the root module that hold Go code, tests alone
// included. Another module counts as one folder; one inside it does not count.
func (t *Tree) Packages() []string {
	seen := map[string]bool{}
	for _, f := range t.Go {
		dir := f.Dir
		for m := t.module(dir); m != ""; m = t.module(path.Dir(m)) {
			dir = m
		}
		seen[dir] = true
	}
	return sorted(seen)
}

func sorted(set map[string]bool) []string {
	out := make([]string, 0, len(set))
	for k := range set {
		out = append(out, k)
	}
	sort.Strings(out)
	return out
}
