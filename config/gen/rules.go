// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"slices"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
)

type rules = []apiextensionsv1.ValidationRule

// blueprint is what tells the rules of the two kinds of blueprint apart.
type blueprint struct {
	kind     string
	delivery bool
	// inputs are the lists of a resource's inputs, with the kind of template that yields them.
	inputs []input
	// keys are the fields of an owner that a selector may look at, prefixes those that it may look into.
	keys, prefixes []string
}

type input struct{ list, kind string }

var sourceKeys = []string{
	"spec.source", "spec.source.git", "spec.source.git.url", "spec.source.git.ref", "spec.source.git.ref.branch",
	"spec.source.git.ref.tag", "spec.source.git.ref.commit", "spec.source.image", "spec.source.subPath",
	"spec.serviceAccountName",
}

var blueprintRules = map[string]func() blueprint{
	"ClusterSupplyChain": func() blueprint {
		return blueprint{
			kind: "clustersupplychain",
			inputs: []input{
				{"sources", "ClusterSourceTemplate"},
				{"images", "ClusterImageTemplate"},
				{"configs", "ClusterConfigTemplate"},
			},
			keys: append(slices.Clone(sourceKeys), "spec.build", "spec.image"),
			prefixes: []string{
				"spec.params", "spec.build.env", "spec.env", "spec.resources", "spec.serviceClaims", "metadata",
			},
		}
	},
	"ClusterDelivery": func() blueprint {
		return blueprint{
			kind:     "clusterdelivery",
			delivery: true,
			inputs: []input{
				{"sources", "ClusterSourceTemplate"},
				{"configs", "ClusterConfigTemplate"},
			},
			keys:     sourceKeys,
			prefixes: []string{"spec.params", "metadata"},
		}
	},
}

// whole are the rules that need to see the whole blueprint: its name, or several of its resources.
func (b blueprint) whole() rules {
	r := b.selector()
	lists := []struct{ path, reference string }{{"spec.resources", "resource"}}
	if !b.delivery {
		r = append(r, b.spelling())
		lists = append(lists, struct{ path, reference string }{"spec.components", "component"})
	}
	for _, l := range lists {
		r = append(r, b.unique(l.path))
		if b.delivery {
			continue
		}
		for _, in := range b.inputs {
			r = append(r, b.produced(l.path, l.reference, in))
		}
	}
	return r
}

// spelling: resources or, as in v0.0.6, components.
func (b blueprint) spelling() apiextensionsv1.ValidationRule {
	return apiextensionsv1.ValidationRule{
		Rule: `has(self.spec.resources) != has(self.spec.components)`,
		MessageExpression: b.say(`'exactly one of spec.resources and spec.components must be specified, found '` +
			` + (has(self.spec.resources) ? 'both' : 'neither')`),
		FieldPath: ".spec",
	}
}

// selector: a blueprint says which owners it is for, by fields that owners have.
func (b blueprint) selector() rules {
	fields := list{at: "self.spec.selectorMatchFields", path: ".spec.selectorMatchFields", item: "f", optional: true}
	return rules{
		{
			Rule: anyOf(filled("self.spec.selector"), filled("self.spec.selectorMatchExpressions"),
				filled("self.spec.selectorMatchFields")),
			MessageExpression: b.say(`'at least one selector, selectorMatchExpression, selectorMatchField must be specified'`),
			FieldPath:         ".spec",
		},
		fields.rule(badOperator, "%s", sayOperator),
		fields.rule(b.badKey(), "%s", sayKey),
	}
}

// unique: no two resources have the same name.
func (b blueprint) unique(path string) apiextensionsv1.ValidationRule {
	l := list{at: "self." + path, path: "." + path, item: "r", optional: !b.delivery}
	bad := fmt.Sprintf(`!%s.exists_one(o, o.name == r.name)`, l.at)
	if b.delivery {
		return l.rule(bad, "%s", `'spec.resources[].name "' + r.name + '" cannot appear twice'`)
	}
	return l.rule(bad, "%s", `'duplicate resource name [' + r.name + '] found'`)
}

// produced: what a resource reads is yielded by a resource of the right kind.
func (b blueprint) produced(path, reference string, in input) apiextensionsv1.ValidationRule {
	at := "self." + path
	bad := fmt.Sprintf(`!%s.exists(p, p.name == i.%s && p.templateRef.kind == '%s')`, at, reference, in.kind)
	say := fmt.Sprintf(`'invalid %[1]s for resource [' + r.name + ']: ' + (%[2]s.exists(p, p.name == i.%[3]s)`+
		` ? 'resource [' + i.%[3]s + '] providing [' + i.name + '] must reference a %[4]s'`+
		` : '[' + i.name + '] is provided by unknown resource [' + i.%[3]s + ']')`, in.list, at, reference, in.kind)
	return apiextensionsv1.ValidationRule{
		Rule: fmt.Sprintf(`!has(%[1]s) || %[1]s.all(r, !has(r.%[2]s) || r.%[2]s.all(i, !(%[3]s)))`, at, in.list, bad),
		MessageExpression: fmt.Sprintf(`%[1]s.map(r, has(r.%[2]s), r.%[2]s.map(i, %[3]s, %[4]s)).filter(m, size(m) > 0)[0][0]`,
			at, in.list, bad, say),
		FieldPath: "." + path,
	}
}

// say puts the words before a message that name the blueprint.
func (b blueprint) say(message string) string {
	return fmt.Sprintf(`'error validating %s [' + self.metadata.name + ']: ' + %s`, b.kind, message)
}

func (b blueprint) badKey() string {
	good := []string{"f.key in ['" + strings.Join(b.keys, "', '") + "']"}
	for _, p := range b.prefixes {
		good = append(good, "f.key.startsWith('"+p+"')")
	}
	return "!(" + anyOf(good...) + ")"
}

const (
	sayKey      = `'requirement key [' + f.key + '] is not a valid path'`
	badOperator = `f.operator.endsWith('In') != (has(f.values) && size(f.values) > 0)`
	sayOperator = `(f.operator.endsWith('In') ? 'must' : 'cannot') + ' specify values with operator [' + f.operator + ']'`
)

// list is a list of the object, and the name of an item of it in CEL.
type list struct {
	at, path, item string
	optional       bool
}

// rule refuses the list if an item is bad, and says it of the first one that is. The frame has %s where that stands.
func (l list) rule(bad, frame, say string) apiextensionsv1.ValidationRule {
	good := fmt.Sprintf(`!%s.exists(%s, %s)`, l.at, l.item, bad)
	if l.optional {
		good = fmt.Sprintf(`!has(%s) || %s`, l.at, good)
	}
	return apiextensionsv1.ValidationRule{
		Rule:              good,
		MessageExpression: fmt.Sprintf(`%s.map(%s, %s, %s)[0]`, l.at, l.item, bad, strings.Replace(frame, "%s", say, 1)),
		FieldPath:         l.path,
	}
}

func filled(at string) string { return fmt.Sprintf(`has(%[1]s) && size(%[1]s) > 0`, at) }

func anyOf(terms ...string) string { return strings.Join(terms, " || ") }
