// SPDX-License-Identifier: Apache-2.0

package admit_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rhumb.run/rhumb/internal/core/admit"
)

const chainHead = "kind: ClusterSupplyChain\nmetadata: {name: chain}\n"

const deliveryHead = "kind: ClusterDelivery\nmetadata: {name: del}\n"

// Every message, to the letter, with the field that is meant; of several, in
// the order in which Cartographer looked.
func TestMessages(t *testing.T) {
	const chain, del = "error validating clustersupplychain [chain]: ", "error validating clusterdelivery [del]: "
	cases := map[string]struct {
		why, in string
		want    []string
	}{
		"Selectors": {
			"selectors come before resources, and params before the words of a selector",
			chainHead + `spec: {params: [{name: p}], resources: [{name: a, templateRef: {kind: ClusterTemplate, name: a}, params: [{name: q, value: 1, default: 2}]}]}`,
			[]string{
				"spec " + chain + "at least one selector, selectorMatchExpression, selectorMatchField must be specified",
				"spec.params[0] " + chain + "param [p] is invalid: must set exactly one of value and default",
				"spec.resources[0].params[0] " + chain + "resource [a] is invalid: param [q] is invalid: must set exactly one of value and default",
			},
		},
		"Labels": {
			"the API machinery's own words follow",
			chainHead + `spec: {selector: {"a b": c}, selectorMatchExpressions: [{key: a, operator: In}], resources: []}`,
			[]string{
				`spec.selector ` + chain + `selector is not valid: key: Invalid value: "a b": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')`,
				`spec.selectorMatchExpressions ` + chain + `selectorMatchExpressions are not valid: values: Invalid value: null: for 'in', 'notin' operators, values set can't be empty`,
			},
		},
		"Fields": {
			"operator, values, field, path",
			chainHead + `spec: {resources: [], selectorMatchFields: [{key: spec.image, operator: Exists, values: [a]}, {key: spec.image, operator: DoesNotExist, values: [a]},
  {key: spec.image, operator: In}, {key: spec.image, operator: NotIn}, {key: spec.image, operator: Like}, {key: .spec.image, operator: Exists}, {key: workload.spec.image, operator: Exists}, {key: "spec.env[?(", operator: Exists}]}`,
			[]string{
				"spec.selectorMatchFields[0] " + chain + "cannot specify values with operator [Exists]",
				"spec.selectorMatchFields[1] " + chain + "cannot specify values with operator [DoesNotExist]",
				"spec.selectorMatchFields[2] " + chain + "must specify values with operator [In]",
				"spec.selectorMatchFields[3] " + chain + "must specify values with operator [NotIn]",
				"spec.selectorMatchFields[4] " + chain + "operator [Like] is invalid",
				"spec.selectorMatchFields[5] " + chain + "requirement key [.spec.image] is not a valid path",
				"spec.selectorMatchFields[6] " + chain + "requirement key [workload.spec.image] is not a valid path",
				"spec.selectorMatchFields[7] " + chain + "invalid jsonpath for key [spec.env[?(]: evaluate: failed to parse jsonpath 'spec.env[?(': unterminated filter",
			},
		},
		"Names": {
			"names of resources, then of options",
			chainHead + `spec:
  selector: {a: b}
  resources:
    - {name: a, templateRef: {kind: ClusterTemplate, name: x}}
    - {name: a, templateRef: {kind: ClusterTemplate, options: [{name: o, selector: {matchLabels: {x: u}}}, {name: o, selector: {matchLabels: {x: v}}}]}}`,
			[]string{
				"spec.resources[1].name " + chain + "duplicate resource name [a] found",
				"spec.resources[1].templateRef.options[1].name " + chain + "duplicate template name [o] found in options for resource [a]",
			},
		},
		"Template": {
			"a template, or a choice of more than one",
			chainHead + `spec:
  selector: {a: b}
  resources:
    - {name: a, templateRef: {kind: ClusterTemplate}}
    - {name: b, templateRef: {kind: ClusterTemplate, name: x, options: [{name: o, selector: {matchLabels: {x: u}}}]}}
    - {name: c, templateRef: {kind: ClusterTemplate, options: [{name: o, selector: {matchLabels: {x: u}}}]}}`,
			[]string{
				"spec.resources[0].templateRef " + chain + "error validating resource [a]: exactly one of templateRef.Name or templateRef.Options must be specified, found neither",
				"spec.resources[1].templateRef " + chain + "error validating resource [b]: exactly one of templateRef.Name or templateRef.Options must be specified, found both",
				"spec.resources[2].templateRef.options " + chain + "error validating resource [c]: templateRef.Options must have more than one option",
			},
		},
		"Options": {
			"how many pass on, which is what, whom they are for, which are the same, what is passed on",
			chainHead + `spec:
  selector: {a: b}
  resources:
    - {name: s, templateRef: {kind: ClusterSourceTemplate, name: s}}
    - name: a
      sources: [{name: in, resource: s}]
      templateRef:
        kind: ClusterSourceTemplate
        options:
          - {passThrough: in, selector: {matchLabels: {x: a}}}
          - {passThrough: out, selector: {matchLabels: {x: b}}}
          - {name: o, passThrough: in, selector: {matchLabels: {x: a}}}
          - {selector: {}}
          - {name: p, selector: {matchLabels: {x: "a b"}, matchExpressions: [{key: a, operator: Like}], matchFields: [{key: spec.other, operator: Exists}]}}`,
			[]string{
				"spec.resources[1].templateRef.options " + chain + "error validating resource [a]: cannot have more than one pass through option, found 3",
				"spec.resources[1].templateRef.options[2] " + chain + "error validating resource [a]: exactly one of option.Name or option.PassThrough must be specified, found both",
				"spec.resources[1].templateRef.options[3] " + chain + "error validating resource [a]: exactly one of option.Name or option.PassThrough must be specified, found neither",
				"spec.resources[1].templateRef.options[3].selector " + chain + "error validating resource [a]: error validating option [] selector: at least one of matchLabels, matchExpressions or MatchFields must be specified",
				`spec.resources[1].templateRef.options[4].selector.matchLabels ` + chain + `error validating resource [a]: error validating option [p] selector: matchLabels are not valid: values[0][x]: Invalid value: "a b": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')`,
				`spec.resources[1].templateRef.options[4].selector.matchExpressions ` + chain + `error validating resource [a]: error validating option [p] selector: matchExpressions are not valid: "Like" is not a valid label selector operator`,
				"spec.resources[1].templateRef.options[4].selector.matchFields[0] " + chain + "error validating resource [a]: error validating option [p] selector: requirement key [spec.other] is not a valid path",
				"spec.resources[1].templateRef.options[2].selector " + chain + "error validating resource [a]: duplicate selector found in options [in, o]",
				"spec.resources[1].templateRef.options[1].passThrough " + chain + "error validating resource [a]: pass through [out] does not refer to a known input",
			},
		},
		"PassThroughOfNothing": {
			"a ClusterTemplate yields nothing",
			chainHead + `spec: {selector: {a: b}, resources: [{name: a, templateRef: {kind: ClusterTemplate, options: [{name: o, selector: {matchLabels: {x: u}}}, {passThrough: i, selector: {matchLabels: {x: v}}}]}}]}`,
			[]string{"spec.resources[0].templateRef.kind " + chain + "error validating resource [a]: TemplateRef.Kind [ClusterTemplate] is not a known type"},
		},
		"References": {
			"unknown, or of the wrong kind, list by list; then who waits for whom",
			chainHead + `spec:
  selector: {a: b}
  resources:
    - {name: t, templateRef: {kind: ClusterTemplate, name: t}}
    - {name: a, templateRef: {kind: ClusterTemplate, name: a}, sources: [{name: s, resource: x}], images: [{name: i, resource: t}], configs: [{name: c, resource: a}]}`,
			[]string{
				"spec.resources[1].sources[0].resource " + chain + "invalid sources for resource [a]: [s] is provided by unknown resource [x]",
				"spec.resources[1].images[0].resource " + chain + "invalid images for resource [a]: resource [t] providing [i] must reference a ClusterImageTemplate",
				"spec.resources[1].configs[0].resource " + chain + "invalid configs for resource [a]: resource [a] providing [c] must reference a ClusterConfigTemplate",
				"spec.resources[1] " + chain + "resources [a] wait for each other",
			},
		},
		"Components": {
			"the older spelling has paths of its own",
			chainHead + `spec: {selector: {a: b}, components: [{name: a, templateRef: {kind: ClusterTemplate, name: a}, sources: [{name: s, component: x}]}]}`,
			[]string{
				"spec.components " + chain + "spec.components is the spelling of Cartographer v0.0.6: write spec.resources, and resource in place of component in its references",
				"spec.components[0].sources[0].component " + chain + "invalid sources for resource [a]: [s] is provided by unknown resource [x]",
			},
		},
		"Deployments": {
			"what deploys takes a deployment and nothing else; other lists are the same",
			deliveryHead + `spec:
  selector: {a: b}
  resources:
    - {name: a, templateRef: {kind: ClusterDeploymentTemplate, name: a}, configs: [{name: c, resource: c}]}
    - {name: a, templateRef: {kind: ClusterTemplate, name: a}, deployment: {resource: x}}
    - {name: c, templateRef: {kind: ClusterConfigTemplate, name: c}}`,
			[]string{
				"spec.resources[1].name " + del + `spec.resources[1].name "a" cannot appear twice`,
				"spec.resources[0] " + del + "spec.resources[a] is a ClusterDeploymentTemplate and must receive a deployment",
				"spec.resources[0].configs " + del + "spec.resources[a] is a ClusterDeploymentTemplate and must not receive config",
				"spec.resources[1].deployment " + del + "spec.resources[a] receives a deployment but is not a ClusterDeploymentTemplate",
				"spec.resources[1].deployment.resource " + del + "invalid deployment for resource [a]: [deployment] is provided by unknown resource [x]",
			},
		},
		"DeliveryCircle": {
			"who deploys waits, too; who is only waited for is not to blame",
			deliveryHead + `spec:
  selector: {a: b}
  resources:
    - {name: first, templateRef: {kind: ClusterSourceTemplate, name: a}}
    - {name: a, templateRef: {kind: ClusterDeploymentTemplate, name: a}, deployment: {resource: b}, sources: [{name: s, resource: first}]}
    - {name: b, templateRef: {kind: ClusterSourceTemplate, name: b}, sources: [{name: s, resource: a}]}
    - {name: last, templateRef: {kind: ClusterTemplate, name: c}, sources: [{name: s, resource: b}]}`,
			[]string{"spec.resources[1] " + del + "resources [a, b] wait for each other"},
		},
		"DeliverableFields": {
			"a deliverable has fewer fields",
			deliveryHead + `spec: {resources: [], selectorMatchFields: [{key: spec.build, operator: Exists}, {key: spec.source.git.ref.tag, operator: Exists}, {key: metadata.name, operator: Exists}]}`,
			[]string{"spec.selectorMatchFields[0] " + del + "requirement key [spec.build] is not a valid path"},
		},
		"TemplateOrder": {
			"the object, health, retention, paths; a health rule does not end the search",
			`kind: ClusterImageTemplate
spec: {imagePath: "a[", ytt: x, template: {metadata: {namespace: ns}}, healthRule: {alwaysHealthy: {}, singleConditionType: Ready, multiMatch: {healthy: {}, unhealthy: {}}}, retentionPolicy: {}}`,
			[]string{
				"spec invalid template: must specify one of template or ytt, found both",
				`spec.template invalid template: failed to parse object: Object 'Kind' is missing in '{"metadata":{"namespace":"ns"}}'`,
				"spec.healthRule invalid health rule: must specify one of alwaysHealthy, singleConditionType or multiMatch, found multiple",
				"spec.healthRule.multiMatch.unhealthy invalid multi match health rule: unhealthy rule has no matchFields or matchConditions",
				"spec.healthRule.multiMatch.healthy invalid multi match health rule: healthy rule has no matchFields or matchConditions",
				"spec.retentionPolicy invalid template: if lifecycle is mutable, no retention policy may be set",
				"spec.imagePath invalid jsonpath at spec.imagePath: evaluate: failed to parse jsonpath 'a[': unterminated array",
			},
		},
		"Nothing": {
			"nothing to stamp, and no rule in the rule",
			"kind: ClusterTemplate\nspec: {healthRule: {}}",
			[]string{
				"spec invalid template: must specify one of template or ytt, found neither",
				"spec.healthRule invalid health rule: must specify one of alwaysHealthy, singleConditionType or multiMatch, found neither",
			},
		},
		"Namespace": {
			"objects live beside their owner",
			"kind: ClusterSourceTemplate\nspec: {urlPath: a, revisionPath: b, template: {kind: A, metadata: {namespace: ns}}}",
			[]string{"spec.template.metadata.namespace invalid template: template should not set metadata.namespace on the child object"},
		},
		"NoObject": {
			"text is no object",
			"kind: ClusterConfigTemplate\nspec: {configPath: a, template: text}",
			[]string{"spec.template invalid template: failed to parse object: json: cannot unmarshal string into Go value of type map[string]interface {}"},
		},
		"Observed": {
			"exactly one",
			"kind: ClusterDeploymentTemplate\nspec: {template: {kind: A}}",
			[]string{"spec invalid spec: must set exactly one of spec.ObservedMatches and spec.ObservedCompletion"},
		},
		"RunTemplateNeither": {"something to run", "kind: ClusterRunTemplate\nspec: {}", []string{"spec invalid template: must specify one of template or ytt, found neither"}},
		"RunTemplateBoth": {
			"one thing to run",
			"kind: ClusterRunTemplate\nspec: {ytt: x, template: {kind: A, spec: {}}}",
			[]string{"spec invalid template: must specify one of template or ytt, found both"},
		},
		"RunTemplateYtt": {"what ytt makes is not known before", "kind: ClusterRunTemplate\nspec: {ytt: x}", nil},
		"RunTemplate": {
			"a run is told apart by its spec; a key with a dot is put in brackets",
			`kind: ClusterRunTemplate
spec: {template: {kind: A}, outputs: {a.b: "x["}}`,
			[]string{
				`spec.template invalid template: object must have a spec; templated object: {"kind":"A"}`,
				"spec.outputs[a.b] invalid jsonpath at spec.outputs[a.b]: evaluate: failed to parse jsonpath 'x[': unterminated array",
			},
		},
		"Tags": {
			"every tag is looked at, in order",
			`kind: ClusterTemplate
spec: {template: {kind: A, spec: {b: ["$(x[$)$", {c: "x $(y[$)$ $(z)$"}], a: $()$}}}`,
			[]string{
				"spec.template.spec.a invalid template: failed to interpolate template at path [spec.a]: evaluate tag $()$: empty jsonpath not allowed",
				"spec.template.spec.b[0] invalid template: failed to interpolate template at path [spec.b.[0]]: evaluate tag $(x[$)$: evaluate: failed to parse jsonpath 'x[$': unterminated array",
				"spec.template.spec.b[1].c invalid template: failed to interpolate template at path [spec.b.[1]c]: interpolate tag: evaluate jsonpath: evaluate: failed to parse jsonpath 'y[$': unterminated array",
			},
		},
		"Runnable": {
			"what can be selected",
			"kind: Runnable\nmetadata: {name: r}\nspec: {runTemplateRef: {name: t}, selector: {resource: {kind: A}, matchingLabels: {}}}",
			[]string{
				"spec.selector.resource spec.selector.resource of runnable [r] needs apiVersion and kind: nothing can be selected",
				"spec.selector.matchingLabels spec.selector.matchingLabels of runnable [r] is empty: every object of the kind is selected, and exactly one may be",
			},
		},
		"Params": {
			"the last counts",
			"kind: Workload\nmetadata: {labels: {a: b}}\nspec: {params: [{name: a, value: 1}, {name: a, value: 2}]}",
			[]string{"spec.params[1] param [a] is given more than once: the last value is taken"},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			problems, _ := admit.Of(decode(t, c.in))
			var got []string
			for _, p := range problems {
				got = append(got, p.Path.String()+" "+p.Message)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.why, diff)
			}
		})
	}
}

// A message has room for so much of an object.
func TestLongObjectIsCut(t *testing.T) {
	problems, _ := admit.Of(decode(t, "kind: ClusterTemplate\nspec: {template: {long: "+strings.Repeat("é", 5000)+"}}"))
	if message, refused := admit.Refusal(problems); !refused || len(message) > 700 || !strings.HasSuffix(message, "…'") {
		t.Errorf("refused %t with %d bytes: %s", refused, len(message), message)
	}
}
