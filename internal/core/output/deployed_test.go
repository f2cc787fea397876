// SPDX-License-Identifier: Apache-2.0

package output_test

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/output"
	"rhumb.run/rhumb/internal/fault"
)

func liveFrom(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	raw, err := yaml.YAMLToJSON([]byte("{apiVersion: test.run/v1, kind: Test, " + strings.TrimPrefix(text, "{")))
	if err != nil {
		t.Fatal(err)
	}
	u := &unstructured.Unstructured{}
	if err := u.UnmarshalJSON(raw); err != nil {
		t.Fatal(err)
	}
	return u
}

func compileDeployed(t *testing.T, text string) *output.Deployed {
	t.Helper()
	var spec v1alpha1.DeploymentSpec
	if err := yaml.UnmarshalStrict([]byte(text), &spec); err != nil {
		t.Fatal(err)
	}
	d, err := output.CompileDeployed(spec.ObservedMatches, spec.ObservedCompletion)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

type verdict struct {
	why, live string
	class     fault.Class
	reason    string
	text      string
}

func judge(t *testing.T, d *output.Deployed, c verdict) {
	t.Helper()
	err := d.Check("deploy", liveFrom(t, c.live))
	class, reason := fault.Of(err)
	text := ""
	if err != nil {
		text = err.Error()
	}
	if class != c.class || reason != c.reason || text != c.text {
		t.Errorf("%s: got %v %q\n%s\nwant %v %q\n%s", c.why, class, reason, text, c.class, c.reason, c.text)
	}
}

const met, waits, rejects = fault.None, fault.Wait, fault.Reject

func TestObservedMatches(t *testing.T) {
	d := compileDeployed(t, `observedMatches: [{input: spec.want, output: .status.have}]`)
	cases := map[string]verdict{
		"Scalar":      {"one text", `{spec: {want: a}, status: {have: a}}`, met, "", ""},
		"Number":      {"a whole number is one, however it was written", `{spec: {want: 1}, status: {have: 1.0}}`, met, "", ""},
		"Map":         {"deep, in any order", `{spec: {want: {a: [1, {b: c}], d: null}}, status: {have: {d: null, a: [1, {b: c}]}}}`, met, "", ""},
		"List":        {"lists are equal in order", `{spec: {want: [a, b]}, status: {have: [a, b]}}`, met, "", ""},
		"Null":        {"two nothings that are there", `{spec: {want: null}, status: {have: null}}`, met, "", ""},
		"Other":       {"another text", `{spec: {want: a}, status: {have: b}}`, waits, "ConditionNotMet", "resource [deploy] condition not met: input [spec.want] and output [.status.have] do not match: a != b"},
		"OtherNumber": {"numbers read as numbers", `{spec: {want: 1}, status: {have: 2.5}}`, waits, "ConditionNotMet", "resource [deploy] condition not met: input [spec.want] and output [.status.have] do not match: 1 != 2.5"},
		"OtherMap":    {"a deep difference, without a panic", `{spec: {want: {a: 1}}, status: {have: {a: <2>}}}`, waits, "ConditionNotMet", `resource [deploy] condition not met: input [spec.want] and output [.status.have] do not match: {"a":1} != {"a":"<2>"}`},
		"OtherList":   {"another order is another list", `{spec: {want: [a, b]}, status: {have: [b, a]}}`, waits, "ConditionNotMet", `resource [deploy] condition not met: input [spec.want] and output [.status.have] do not match: ["a","b"] != ["b","a"]`},
		"OtherType":   {"a text is no number", `{spec: {want: "1"}, status: {have: 1}}`, waits, "ConditionNotMet", `resource [deploy] condition not met: input [spec.want] and output [.status.have] do not match: "1" != 1`},
		"NoInput":     {"nothing was asked for", `{status: {have: b}}`, waits, "ConditionNotMet", "resource [deploy] condition not met: could not find value on input [spec.want]: jsonpath returned empty list: spec.want"},
		"NoOutput":    {"nothing is there yet", `{spec: {want: a}}`, waits, "ConditionNotMet", "resource [deploy] condition not met: could not find value on output [.status.have]: jsonpath returned empty list: .status.have"},
		"Unobserved":  {"equal, but the status is about an older spec", `{metadata: {generation: 2}, spec: {want: a}, status: {observedGeneration: 1, have: a}}`, waits, "ConditionNotMet", "resource [deploy] condition not met: status.observedGeneration does not equal metadata.generation: 1 != 2"},
		"Observed":    {"equal, and the status is about this spec", `{metadata: {generation: 2}, spec: {want: a}, status: {observedGeneration: 2, have: a}}`, met, "", ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) { judge(t, d, c) })
	}
}

// All pairs have to be equal; the first that is not is named.
func TestObservedMatchesAll(t *testing.T) {
	d := compileDeployed(t, `observedMatches: [{input: spec.a, output: status.a}, {input: spec.b, output: status.b}]`)
	judge(t, d, verdict{
		"the second differs", `{spec: {a: 1, b: 1}, status: {a: 1, b: 2}}`, waits, "ConditionNotMet",
		"resource [deploy] condition not met: input [spec.b] and output [status.b] do not match: 1 != 2",
	})
	judge(t, d, verdict{"both are equal", `{spec: {a: 1, b: 2}, status: {a: 1, b: 2}}`, met, "", ""})
}

func TestObservedCompletion(t *testing.T) {
	d := compileDeployed(t, `observedCompletion: {succeeded: {key: .status.done, value: "yes"}, failed: {key: .status.broken, value: "true"}}`)
	cases := map[string]verdict{
		"Succeeded":    {"it says so", `{metadata: {generation: 1}, status: {observedGeneration: 1, done: "yes"}}`, met, "", ""},
		"NotFailed":    {"a failure of another value is none", `{metadata: {generation: 1}, status: {observedGeneration: 1, done: "yes", broken: "false"}}`, met, "", ""},
		"Failed":       {"failure is looked at before success", `{metadata: {generation: 1}, status: {observedGeneration: 1, done: "yes", broken: "true"}}`, rejects, "FailedConditionMet", "resource [deploy] failed condition met: deployment failure condition [.status.broken] was: true"},
		"FailedBool":   {"a value that is no text counts by its text", `{metadata: {generation: 1}, status: {observedGeneration: 1, broken: true}}`, rejects, "FailedConditionMet", "resource [deploy] failed condition met: deployment failure condition [.status.broken] was: true"},
		"Other":        {"not done yet", `{metadata: {generation: 1}, status: {observedGeneration: 1, done: "no"}}`, waits, "ConditionNotMet", "resource [deploy] condition not met: deployment success condition [.status.done] was: no, expected: yes"},
		"OtherNumber":  {"a number is printed as one", `{metadata: {generation: 1}, status: {observedGeneration: 1, done: 3}}`, waits, "ConditionNotMet", "resource [deploy] condition not met: deployment success condition [.status.done] was: 3, expected: yes"},
		"Nothing":      {"nothing said yet", `{metadata: {generation: 1}, status: {observedGeneration: 1}}`, waits, "ConditionNotMet", "resource [deploy] condition not met: failed to evaluate succeededCondition.Key [.status.done]: jsonpath returned empty list: .status.done"},
		"Unobserved":   {"success of an older spec", `{metadata: {generation: 12}, status: {observedGeneration: 11, done: "yes"}}`, waits, "ConditionNotMet", "resource [deploy] condition not met: status.observedGeneration does not equal metadata.generation: 11 != 12"},
		"OldFailure":   {"failure of an older spec", `{metadata: {generation: 2}, status: {observedGeneration: 1, broken: "true"}}`, waits, "ConditionNotMet", "resource [deploy] condition not met: status.observedGeneration does not equal metadata.generation: 1 != 2"},
		"NoGeneration": {"nobody knows of which spec the status speaks", `{metadata: {generation: 1}, status: {done: "yes"}}`, rejects, "TemplateStampFailure", "resource [deploy] cannot satisfy observedCompletion without observedGeneration in object status"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) { judge(t, d, c) })
	}
}

func TestCompileDeployedRefuses(t *testing.T) {
	done := v1alpha1.Condition{Key: ".a", Value: "b"}
	cases := map[string]struct {
		why        string
		matches    []v1alpha1.ObservedMatch
		completion *v1alpha1.ObservedCompletion
		want       string
	}{
		"Neither":   {"nothing tells when it is done", nil, nil, "invalid spec: must set exactly one of spec.ObservedMatches and spec.ObservedCompletion"},
		"Both":      {"nobody knows which counts", []v1alpha1.ObservedMatch{{Input: ".a", Output: ".b"}}, &v1alpha1.ObservedCompletion{SucceededCondition: done}, "invalid spec: must set exactly one of"},
		"Input":     {"an empty path", []v1alpha1.ObservedMatch{{Output: ".b"}}, nil, "reading observedMatches[0].input: empty jsonpath not allowed"},
		"Output":    {"a path that is none", []v1alpha1.ObservedMatch{{Input: ".a", Output: "b[?("}}, nil, "reading observedMatches[0].output: evaluate: failed to parse jsonpath 'b[?('"},
		"Succeeded": {"an empty key", nil, &v1alpha1.ObservedCompletion{}, "reading observedCompletion.succeeded: empty jsonpath not allowed"},
		"Failed":    {"an empty key", nil, &v1alpha1.ObservedCompletion{SucceededCondition: done, FailedCondition: &v1alpha1.Condition{}}, "reading observedCompletion.failed: empty jsonpath not allowed"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if _, err := output.CompileDeployed(c.matches, c.completion); err == nil || !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("%s: err = %v, want %q", c.why, err, c.want)
			}
		})
	}
}
