// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
)

// resource are the rules that need to see no more than one resource of a blueprint.
func (b blueprint) resource() rules {
	r := rules{{
		Rule: `has(self.templateRef.name) != has(self.templateRef.options)`,
		MessageExpression: inResource(`'exactly one of templateRef.Name or templateRef.Options must be specified, found '` +
			` + (has(self.templateRef.name) ? 'both' : 'neither')`),
		FieldPath: ".templateRef",
	}}
	r = append(r, b.options()...)
	r = append(r, b.optionSelectors()...)
	if b.delivery {
		r = append(r, deployments()...)
	}
	return r
}

const (
	passes = `has(o.passThrough) && size(o.passThrough) > 0`
	// nameOf is how messages call an option.
	nameOf = `(has(o.name) ? o.name : has(o.passThrough) ? o.passThrough : '')`
)

var options = list{at: "self.templateRef.options", path: ".templateRef.options", item: "o", optional: true}

// options: each is a template or an input of the resource, passed on; no two are the same.
func (b blueprint) options() rules {
	passed, kinds := "", ""
	for i, in := range b.inputs {
		if i > 0 {
			passed, kinds = passed+" || ", kinds+", "
		}
		passed += fmt.Sprintf(`self.templateRef.kind == '%[1]s' && has(self.%[2]s) && self.%[2]s.exists(i, i.name == o.passThrough)`,
			in.kind, in.list)
		kinds += "'" + in.kind + "'"
	}
	return rules{
		options.rule(fmt.Sprintf(`has(o.name) == (%s)`, passes), inResource("%s"),
			`'exactly one of option.Name or option.PassThrough must be specified, found ' + (has(o.name) ? 'both' : 'neither')`),
		options.rule(`has(o.name) && !self.templateRef.options.exists_one(p, has(p.name) && p.name == o.name)`, "%s",
			`'duplicate template name [' + o.name + '] found in options for resource [' + self.name + ']'`),
		{
			Rule: fmt.Sprintf(`!has(self.templateRef.options) || self.templateRef.options.filter(o, %s).size() < 2`, passes),
			MessageExpression: inResource(fmt.Sprintf(`'cannot have more than one pass through option, found '`+
				` + (self.templateRef.options.filter(o, %s).size() == 2 ? '2' : 'more')`, passes)),
			FieldPath: options.path,
		},
		options.rule(fmt.Sprintf(`%s && !(%s)`, passes, passed), inResource("%s"), fmt.Sprintf(
			`(self.templateRef.kind in [%s] ? 'pass through [' + o.passThrough + '] does not refer to a known input'`+
				` : 'TemplateRef.Kind [' + self.templateRef.kind + '] is not a known type')`, kinds)),
	}
}

// optionSelectors: an option says which owners it is for, by fields that owners have.
func (b blueprint) optionSelectors() rules {
	frame := inResource("%s")
	ofOption := fmt.Sprintf(`'error validating option [' + %s + '] selector: ' + `, nameOf)
	inFields := func(bad, say string) apiextensionsv1.ValidationRule {
		return options.rule(fmt.Sprintf(`has(o.selector.matchFields) && o.selector.matchFields.exists(f, %s)`, bad), frame,
			ofOption+fmt.Sprintf(`o.selector.matchFields.map(f, %s, %s)[0]`, bad, say))
	}
	return rules{
		options.rule(fmt.Sprintf(`!(%s)`, anyOf(filled("o.selector.matchLabels"), filled("o.selector.matchExpressions"),
			filled("o.selector.matchFields"))), frame,
			ofOption+`'at least one of matchLabels, matchExpressions or MatchFields must be specified'`),
		inFields(badOperator, sayOperator),
		inFields(b.badKey(), sayKey),
	}
}

// deployments: a deployment template, and no other, takes a deployment, and nothing but that.
func deployments() rules {
	const is = `self.templateRef.kind == 'ClusterDeploymentTemplate'`
	rule := func(good, say string) apiextensionsv1.ValidationRule {
		return apiextensionsv1.ValidationRule{
			Rule:              good,
			MessageExpression: fmt.Sprintf(`'spec.resources[' + self.name + '] %s'`, say),
		}
	}
	return rules{
		rule(fmt.Sprintf(`!(%s) || has(self.deployment)`, is), "is a ClusterDeploymentTemplate and must receive a deployment"),
		rule(fmt.Sprintf(`%s || !has(self.deployment)`, is), "receives a deployment but is not a ClusterDeploymentTemplate"),
		rule(fmt.Sprintf(`!(%s) || !(%s)`, is, filled("self.configs")), "is a ClusterDeploymentTemplate and must not receive config"),
	}
}

// inResource puts the words before a message that name the resource.
func inResource(message string) string {
	return `'error validating resource [' + self.name + ']: ' + ` + parenthesize(message)
}

// parenthesize keeps a choice from swallowing the words before it.
func parenthesize(message string) string {
	if message == "%s" {
		return message
	}
	return "(" + message + ")"
}
