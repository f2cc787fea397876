// SPDX-License-Identifier: Apache-2.0

package story

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"
)

// wide is how long a line of a want file gets before it is broken up.
const wide = 200

// first are the keys that people look for first; all others follow by name.
var first = []string{
	"apiVersion", "kind", "type", "resource", "metadata", "name", "namespace", "uid", "generation", "labels", "annotations",
	"observedGeneration", "supplyChainRef", "deliveryRef", "status", "reason", "message", "conditions", "resources",
	"stampedRef", "templateRef", "inputs", "outputs", "preview", "digest",
}

// text is YAML for people: what fits on a line stands on one, and the telling keys come first.
func text(value any) (string, error) {
	n, err := node(value)
	if err != nil {
		return "", err
	}
	var out bytes.Buffer
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(2)
	if err := enc.Encode(n); err != nil {
		return "", fmt.Errorf("encoding YAML: %w", err)
	}
	return out.String(), enc.Close()
}

func node(value any) (n *yaml.Node, err error) {
	switch x := value.(type) {
	case map[string]any:
		n, err = mapping(x)
	case []any:
		n, err = sequence(x)
	default:
		n, err = scalar(x)
	}
	if err == nil && flat(n) {
		n.Style = yaml.FlowStyle
	}
	return n, err
}

func mapping(m map[string]any) (*yaml.Node, error) {
	n := &yaml.Node{Kind: yaml.MappingNode}
	for _, k := range inOrder(m) {
		value, err := node(m[k])
		if err != nil {
			return nil, err
		}
		key := &yaml.Node{}
		key.SetString(k)
		n.Content = append(n.Content, key, value)
	}
	return n, nil
}

func sequence(list []any) (*yaml.Node, error) {
	n := &yaml.Node{Kind: yaml.SequenceNode}
	for _, e := range list {
		value, err := node(e)
		if err != nil {
			return nil, err
		}
		n.Content = append(n.Content, value)
	}
	return n, nil
}

func scalar(value any) (*yaml.Node, error) {
	n := &yaml.Node{}
	if err := n.Encode(value); err != nil {
		return nil, fmt.Errorf("encoding value: %w", err)
	}
	if n.Style == yaml.LiteralStyle {
		n.Style = yaml.DoubleQuotedStyle
	}
	return n, nil
}

func inOrder(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b string) int { return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a, b)) })
	return keys
}

func rank(key string) int {
	if i := slices.Index(first, key); i >= 0 {
		return i
	}
	return len(first)
}

// flat is a map or list of scalars that fits on a line.
func flat(n *yaml.Node) bool {
	if n.Kind != yaml.MappingNode && n.Kind != yaml.SequenceNode {
		return false
	}
	width := 0
	for _, c := range n.Content {
		if c.Kind != yaml.ScalarNode {
			return false
		}
		width += len(c.Value) + len(", ")
	}
	return width <= wide
}
