// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	"k8s.io/client-go/util/jsonpath"

	"rhumb.run/rhumb/internal/paper"
)

// reads is what a template looks at.
type reads struct {
	// all are the paths, each as far as it can be read: workload.metadata.name.
	all []read
	// anything is true if it looks at what cannot be told.
	anything bool
	// unclosed are what would be read, were the tag closed.
	unclosed []read
	// guarded is true of ytt that decides something: what it reads may be read only if it is there.
	guarded bool
}

type read struct {
	steps []string
	// open is true if the path goes on in a way that cannot be told.
	open bool
	at   paper.Place
	text string
	ytt  bool
}

// sees tells whether a template may look at key, or at name below it.
func (r *reads) sees(key, name string) bool {
	return r.anything || slices.ContainsFunc(r.all, func(one read) bool {
		return one.steps[0] == key && (name == "" || len(one.steps) == 1 || one.steps[1] == name)
	})
}

// names are the names below a key that are looked at, each with its first read.
func (r *reads) names(key string) []read {
	var out []read
	said := map[string]bool{}
	for _, one := range r.all {
		if one.steps[0] == key && len(one.steps) > 1 && !said[one.steps[1]] {
			said[one.steps[1]] = true
			out = append(out, one)
		}
	}
	return out
}

func readsOf(d *paper.Document, ytt string) *reads {
	r := &reads{}
	if ytt != "" {
		r.ytt(d, ytt)
		return r
	}
	r.node(d, d.Node("spec.template"), 0)
	return r
}

const maxDepth = 1000

// node finds the tags in a template's text; an alias is read where it stands.
func (r *reads) node(d *paper.Document, n *yaml.Node, depth int) {
	if n == nil || depth > maxDepth {
		return
	}
	switch n.Kind {
	case yaml.ScalarNode:
		r.tags(d, n)
	case yaml.MappingNode:
		for i := 1; i < len(n.Content); i += 2 {
			r.node(d, n.Content[i], depth+1)
		}
	case yaml.SequenceNode:
		for _, c := range n.Content {
			r.node(d, c, depth+1)
		}
	case yaml.AliasNode:
		if n.Alias.Kind == yaml.ScalarNode {
			r.tags(d, n.Alias)
			return
		}
		r.anything = true // what an anchor holds is read where the anchor is; who knows in what place
	default:
	}
}

func (r *reads) tags(d *paper.Document, n *yaml.Node) {
	rest := n.Value
	for {
		from := strings.Index(rest, "$(")
		if from < 0 {
			return
		}
		length := strings.Index(rest[from+2:], ")$")
		if length < 0 {
			r.noteUnclosed(d, n, rest[from+2:])
			return
		}
		body := rest[from+2 : from+2+length]
		rest = rest[from+2+length+2:]
		steps, open, ok := parsePath(body)
		if !ok {
			continue // admission says why it cannot be read
		}
		if len(steps) == 0 {
			r.anything = true
			continue
		}
		r.all = append(r.all, read{steps: steps, open: open, at: d.At(n), text: body})
	}
}

// noteUnclosed notes $(workload.metadata.name) and its like. Others write $(…)
// too, with names of their own: params are Tekton's, commands the shell's.
func (r *reads) noteUnclosed(d *paper.Document, n *yaml.Node, rest string) {
	body, _, closed := strings.Cut(rest, ")")
	steps, _, ok := parsePath(body)
	if closed && ok && len(steps) > 1 && steps[0] != "params" && slices.Contains(slices.Concat(ownerKeys, runKeys), steps[0]) {
		r.unclosed = append(r.unclosed, read{steps: steps, at: d.At(n), text: body})
	}
}

// parsePath reads a JSONPath as far as its steps are plain names.
func parsePath(body string) (steps []string, open, ok bool) {
	body = strings.TrimSpace(body)
	var full string
	switch {
	case body == "":
		return nil, false, false
	case strings.HasPrefix(body, "{"):
		full = strings.TrimSuffix(body, "}") + "}"
	case strings.HasPrefix(body, "."), strings.HasPrefix(body, "["), strings.HasPrefix(body, "$"):
		full = "{" + body + "}"
	default:
		full = "{." + body + "}"
	}
	parser, err := jsonpath.Parse("", full)
	if err != nil || len(parser.Root.Nodes) == 0 {
		return nil, false, false
	}
	list, isList := parser.Root.Nodes[0].(*jsonpath.ListNode)
	if !isList || len(parser.Root.Nodes) > 1 {
		return nil, true, true
	}
	for _, n := range list.Nodes {
		f, isField := n.(*jsonpath.FieldNode)
		if !isField {
			return steps, true, true
		}
		if f.Value != "" {
			steps = append(steps, f.Value)
		}
	}
	return steps, false, true
}

var (
	yttRead  = regexp.MustCompile(`data\.values((?:\.[A-Za-z_]\w*|\["[^"]+"\]|\['[^']+'\])*)([^\n]?)`)
	yttStep  = regexp.MustCompile(`\.([A-Za-z_]\w*)|\["([^"]+)"\]|\['([^']+)'\]`)
	yttAlias = regexp.MustCompile(`load\([^)]*=\s*["']data["']`)
	// yttGuards decide whether something is there, or which of several is read.
	yttGuards = regexp.MustCompile(`\b(?:if|elif|else|for|while|and|or|def|hasattr|getattr|dir|in|get|try)\b`)
	yttCode   = regexp.MustCompile(`#@([^\n]*)`)
	// yttAsks precedes a value that is only asked for, or looked into by a computed name.
	yttAsks = regexp.MustCompile(`(?:hasattr|getattr|dict|struct\.\w+|json\.\w+|yaml\.\w+|dir|type|keys|items)\(\s*$`)
)

// ytt finds data.values.x.y. What is handed on as a whole may be read in any way.
func (r *reads) ytt(d *paper.Document, text string) {
	if yttAlias.MatchString(text) || !strings.Contains(text, "data.values") && strings.Contains(text, "@ytt:") {
		r.anything = true
	}
	for _, code := range yttCode.FindAllStringSubmatch(text, -1) {
		r.guarded = r.guarded || yttGuards.MatchString(code[1])
	}
	node := d.Node("spec.ytt")
	for _, m := range yttRead.FindAllStringSubmatchIndex(text, -1) {
		if m[0] > 0 && isWord(text[m[0]-1]) || inComment(text, m[0]) {
			continue
		}
		one := yttReadOf(text, m)
		if len(one.steps) == 0 {
			r.anything = true
			continue
		}
		one.at = d.Value("spec.ytt")
		if node != nil && node.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
			one.at.Line += 1 + strings.Count(text[:m[0]], "\n")
			one.at.Column = 1
		}
		r.all = append(r.all, one)
	}
}

// yttReadOf reads what yttRead matched.
func yttReadOf(text string, m []int) read {
	one := read{ytt: true}
	for _, s := range yttStep.FindAllStringSubmatch(text[m[2]:m[3]], -1) {
		one.steps = append(one.steps, s[1]+s[2]+s[3])
	}
	after := text[m[4]:m[5]]
	if after == "(" && len(one.steps) > 0 { // a method: get, keys
		one.steps = one.steps[:len(one.steps)-1]
	}
	one.open = after == "[" || after == "(" || yttAsks.MatchString(text[:m[0]])
	one.text = "data.values." + strings.Join(one.steps, ".")
	return one
}

// inComment tells whether ytt leaves out what stands at a place. Of code, all
// that follows another # is a comment, but that may stand in a text: it is read.
func inComment(text string, at int) bool {
	line := text[strings.LastIndexByte(text[:at], '\n')+1 : at]
	return strings.HasPrefix(strings.TrimSpace(line), "#!") || strings.Contains(line, " #! ")
}

// certain tells whether a read happens whenever the template is rendered.
func (r *reads) certain(one read) bool { return !one.ytt || !r.guarded && !one.open }

func isWord(b byte) bool {
	return b == '_' || b == '.' || b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z'
}
