// SPDX-License-Identifier: Apache-2.0

package paper

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Place is where something stands.
type Place struct {
	File         string
	Line, Column int
}

// String is file:line:column, as editors and compilers write it.
func (p Place) String() string { return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column) }

// nodes is a document's tree with positions; it is made when somebody asks.
type nodes struct{ root *yaml.Node }

// Place finds a field by its path: spec.resources[0].name. Keys with dots are
// written ["so"]. Of a path that leads nowhere it is the place where it ends.
func (d *Document) Place(path string) Place {
	value, key := d.find(path)
	at := value
	if key != nil {
		at = key
	}
	return d.at(at)
}

// Value is the place of a field's value, not of its key.
func (d *Document) Value(path string) Place {
	value, _ := d.find(path)
	return d.at(value)
}

func (d *Document) at(n *yaml.Node) Place {
	if n == nil {
		return Place{d.File, d.Line, 1}
	}
	return Place{d.File, d.Line + n.Line - 1, n.Column}
}

// Node is the tree of a field's value; nil if it is not there.
func (d *Document) Node(path string) *yaml.Node {
	steps := Steps(path)
	n, _, done := descend(d.root(), append(Steps(d.within), steps...))
	if !done {
		return nil
	}
	return n
}

// At is the place of a node of this document.
func (d *Document) At(n *yaml.Node) Place { return d.at(n) }

func (d *Document) find(path string) (value, key *yaml.Node) {
	value, key, _ = descend(d.root(), append(Steps(d.within), Steps(path)...))
	return value, key
}

func (d *Document) root() *yaml.Node {
	if d.nodes == nil {
		d.nodes = &nodes{}
		var doc yaml.Node
		if err := yaml.Unmarshal(d.text, &doc); err == nil && len(doc.Content) > 0 {
			d.nodes.root = doc.Content[0]
		}
	}
	return d.nodes.root
}

// descend goes as far as the path leads, and tells whether that was all the way.
func descend(n *yaml.Node, steps []string) (value, key *yaml.Node, done bool) {
	for i, s := range steps {
		n = real(n)
		k, v := child(n, s)
		if v == nil {
			return n, key, false
		}
		n, key = v, k
		if k == nil && i < len(steps) {
			key = nil
		}
	}
	return n, key, true
}

func real(n *yaml.Node) *yaml.Node {
	for n != nil && n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

func child(n *yaml.Node, step string) (key, value *yaml.Node) {
	switch {
	case n == nil:
	case n.Kind == yaml.SequenceNode:
		if i, err := strconv.Atoi(step); err == nil && i >= 0 && i < len(n.Content) {
			return nil, n.Content[i]
		}
	case n.Kind == yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == step {
				return n.Content[i], n.Content[i+1]
			}
		}
	}
	return nil, nil
}

var step = regexp.MustCompile(`\["((?:[^"\\]|\\.)*)"\]|\[([^\]]*)\]|([^.\[\]]+)`)

// Steps are the keys and indexes of a path.
func Steps(path string) []string {
	var out []string
	for _, m := range step.FindAllStringSubmatch(path, -1) {
		out = append(out, m[1]+m[2]+m[3])
	}
	return out
}

// Key is a step as it is written in a path.
func Key(name string) string {
	if strings.ContainsAny(name, ".[]\"") {
		return "[" + strconv.Quote(name) + "]"
	}
	return "." + name
}

var (
	yamlLine = regexp.MustCompile(`line (\d+): `)
	quoted   = regexp.MustCompile("`[^`]*`")
)

// refused says where a text stops being YAML, without quoting it.
func (d *Document) refused(err error) error {
	text := err.Error()
	line := d.Line
	if m := yamlLine.FindStringSubmatch(text); m != nil {
		n, _ := strconv.Atoi(m[1])
		line += n - 1
		text = strings.Replace(text, m[0], "", 1)
	}
	for _, noise := range []string{"yaml: ", "unmarshal errors:\n", "error converting YAML to JSON: "} {
		text = strings.ReplaceAll(text, noise, "")
	}
	text = quoted.ReplaceAllString(text, "a value")
	return fmt.Errorf("%s:%d: %w", d.File, line, errors.New(strings.TrimSpace(text)))
}
