// SPDX-License-Identifier: Apache-2.0

package arch

import (
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"
)

// mapLine is a line of a map: a folder, which ends in a slash, then words.
var mapLine = regexp.MustCompile(`(?m)^([a-z.][a-zA-Z0-9._/-]*/)\s{2,}\S`)

// Drawn returns the folders that a document's map names.
func Drawn(doc []byte) []string {
	var out []string
	for _, m := range mapLine.FindAllSubmatch(doc, -1) {
		out = append(out, strings.TrimSuffix(string(m[1]), "/"))
	}
	return out
}

// Maps compares ARCHITECTURE.md with the packages that there are, and README.md
// with the folders at the top.
func Maps(t *Tree) []string {
	return append(
		compare(t, "ARCHITECTURE.md", t.Packages()),
		compare(t, "README.md", t.top())...)
}

// top lists the folders at the top of the tree, hidden and built ones aside.
func (t *Tree) top() []string {
	seen := map[string]bool{}
	for p := range t.Paths {
		first, _, below := strings.Cut(p, "/")
		if below && !strings.HasPrefix(first, ".") && !skipped[first] {
			seen[first] = true
		}
	}
	return sorted(seen)
}

func compare(t *Tree, doc string, there []string) []string {
	text, err := fs.ReadFile(t.FS, doc)
	if err != nil {
		return []string{doc + ": not there: " + err.Error()}
	}
	var out []string
	drawn := map[string]bool{}
	for _, d := range Drawn(text) {
		drawn[d] = true
		if !t.Paths[d] {
			out = append(out, fmt.Sprintf("%s: draws %s/, which does not exist", doc, d))
		}
	}
	for _, d := range there {
		if !drawn[d] {
			out = append(out, fmt.Sprintf("%s: its map lacks %s/: add a line `%s/  what it is for`", doc, d, d))
		}
	}
	return out
}

// target is a rule of a Makefile that a person may ask for.
var (
	target = regexp.MustCompile(`(?m)^([a-z][a-z0-9-]*):[^=]`)
	helped = regexp.MustCompile(`(?m)^([a-z][a-z0-9-]*):[^=\n]*## \S`)
)

// Targets returns the targets of a Makefile without a `## help` of their own.
func Targets(makefile []byte) []string {
	has := map[string]bool{}
	for _, m := range helped.FindAllSubmatch(makefile, -1) {
		has[string(m[1])] = true
	}
	var out []string
	for _, m := range target.FindAllSubmatch(makefile, -1) {
		if name := string(m[1]); !has[name] {
			out = append(out, fmt.Sprintf("Makefile: target %s is not in `make help`: add `## what it does` to its line", name))
		}
	}
	return out
}

// link is a Markdown link; what it leads to is its only group.
var link = regexp.MustCompile(`\]\(([^)\s]+)\)`)

// Links returns the relative links of Markdown files that lead nowhere.
func Links(t *Tree) ([]string, error) {
	var out []string
	for _, p := range sorted(t.Paths) {
		if !strings.HasSuffix(p, ".md") {
			continue
		}
		text, err := fs.ReadFile(t.FS, p)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", p, err)
		}
		for n, line := range bytes.Split(text, []byte("\n")) {
			for _, m := range link.FindAllSubmatch(line, -1) {
				if to := leads(p, string(m[1])); to != "" && !t.Paths[to] {
					out = append(out, fmt.Sprintf("%s:%d: leads to %s, which does not exist", p, n+1, to))
				}
			}
		}
	}
	return out, nil
}

// leads is the path that a link in a document means, "" if it leads elsewhere.
func leads(doc, to string) string {
	to, _, _ = strings.Cut(to, "#")
	if to == "" || strings.Contains(to, "://") || strings.HasPrefix(to, "mailto:") {
		return ""
	}
	return path.Join(path.Dir(doc), to)
}
