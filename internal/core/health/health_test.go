// SPDX-License-Identifier: Apache-2.0

package health_test

import (
	"fmt"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/health"
)

func load(t testing.TB, text string, into any) {
	t.Helper()
	if err := yaml.UnmarshalStrict([]byte(text), into); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
}

func live(t testing.TB, status string) *unstructured.Unstructured {
	t.Helper()
	raw, err := yaml.YAMLToJSON([]byte("{apiVersion: v1, kind: Test, metadata: {name: x}, status: " + status + "}"))
	if err != nil {
		t.Fatal(err)
	}
	u := &unstructured.Unstructured{}
	if err := u.UnmarshalJSON(raw); err != nil {
		t.Fatal(err)
	}
	return u
}

const (
	yes     = metav1.ConditionTrue
	no      = metav1.ConditionFalse
	unknown = metav1.ConditionUnknown
)

func TestOfWithoutObservation(t *testing.T) {
	always := &v1alpha1.HealthRule{AlwaysHealthy: &runtime.RawExtension{}}
	there := &unstructured.Unstructured{Object: map[string]any{}}
	cases := map[string]struct {
		why    string
		rule   *v1alpha1.HealthRule
		seen   health.Seen
		status metav1.ConditionStatus
		reason string
	}{
		"Output":         {"what yields is healthy once it yielded", nil, health.Seen{Live: there, Yields: true, Output: true}, yes, "OutputsAvailable"},
		"NoOutput":       {"and unknown until then", nil, health.Seen{Live: there, Yields: true}, unknown, "OutputNotAvailable"},
		"NoOutputNoLive": {"with or without an object", nil, health.Seen{Yields: true}, unknown, "OutputNotAvailable"},
		"Plain":          {"what yields nothing is healthy once it is there", nil, health.Seen{Live: there}, yes, "AlwaysHealthy"},
		"PlainNoLive":    {"and unknown until then", nil, health.Seen{}, unknown, "NoStampedObject"},
		"Always":         {"a rule that asks for nothing more", always, health.Seen{Live: there, Yields: true}, yes, "AlwaysHealthy"},
		"AlwaysNoLive":   {"still asks for the object", always, health.Seen{Yields: true}, unknown, "NoStampedObject"},
		"SingleNoLive":   {"no object, no condition", &v1alpha1.HealthRule{SingleConditionType: "Ready"}, health.Seen{}, unknown, "NoStampedObject"},
		"MultiNoLive":    {"no object, no match", &v1alpha1.HealthRule{MultiMatch: &v1alpha1.MultiMatchHealthRule{}}, health.Seen{}, unknown, "NoStampedObject"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			want := metav1.Condition{Type: "Healthy", Status: c.status, Reason: c.reason}
			if diff := cmp.Diff(want, health.Of(c.rule, c.seen)); diff != "" {
				t.Errorf("%s:\n%s", c.why, diff)
			}
		})
	}
}

func TestOfSingleCondition(t *testing.T) {
	const missing = "condition with type [Ready] not found on resource status"
	cases := map[string]struct {
		why, status string
		want        metav1.ConditionStatus
		message     string
	}{
		"True":        {"as the object says", `{conditions: [{type: Ready, status: "True", message: m}]}`, yes, "m"},
		"False":       {"as the object says", `{conditions: [{type: Ready, status: "False", message: m}]}`, no, "m"},
		"Unknown":     {"as the object says", `{conditions: [{type: Ready, status: Unknown, message: m}]}`, unknown, "m"},
		"Odd":         {"what is neither is unknown", `{conditions: [{type: Ready, status: Maybe, message: m}]}`, unknown, "m"},
		"Other":       {"another condition says nothing", `{conditions: [{type: Done, status: "True"}]}`, unknown, missing},
		"NoList":      {"no conditions", `{phase: Done}`, unknown, missing},
		"NoStatus":    {"no status", `null`, unknown, missing},
		"NotAList":    {"conditions that are no list", `{conditions: {type: Ready, status: "True"}}`, unknown, missing},
		"OneIsText":   {"one entry that is none spoils the list", `{conditions: [{type: Ready, status: "True"}, Done]}`, unknown, missing},
		"OneHasBool":  {"so does one whose status is no text", `{conditions: [{type: Ready, status: "True"}, {type: Done, status: true}]}`, unknown, missing},
		"OneHasDate":  {"so does one whose time is none", `{conditions: [{type: Ready, status: "True"}, {type: Done, status: "True", lastTransitionTime: soon}]}`, unknown, missing},
		"MoreFields":  {"fields that conditions do not have spoil nothing", `{conditions: [{type: Ready, status: "True", severity: Low, message: m}]}`, yes, "m"},
		"FirstCounts": {"of two of a type the first counts", `{conditions: [{type: Ready, status: "False", message: a}, {type: Ready, status: "True", message: b}]}`, no, "a"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got := health.Of(&v1alpha1.HealthRule{SingleConditionType: "Ready"}, health.Seen{Live: live(t, c.status)})
			want := metav1.Condition{Type: "Healthy", Status: c.want, Reason: "ReadyCondition", Message: c.message}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s:\n%s", c.why, diff)
			}
		})
	}
}

func TestOfMultiMatch(t *testing.T) {
	const rule = `
unhealthy:
  matchConditions: [{type: Stalled, status: "True"}, {type: Ready, status: "False"}]
  matchFields: [{key: status.phase, operator: In, values: [Failed], messagePath: status.why}]
healthy:
  matchConditions: [{type: Ready, status: "True"}, {type: Tested, status: "True"}]
  matchFields: [{key: status.phase, operator: In, values: [Done, Over], messagePath: status.why}]
`
	cases := map[string]struct {
		why, status string
		want        metav1.ConditionStatus
		reason      string
		message     string
	}{
		"All":            {"all signs of health, the first speaks", `{phase: Over, why: w, conditions: [{type: Tested, status: "True", message: t}, {type: Ready, status: "True", message: r}]}`, yes, "MatchedCondition", "condition status: True, message: r"},
		"OneLacks":       {"one that lacks is enough", `{phase: Done, conditions: [{type: Ready, status: "True"}]}`, unknown, "NoMatchesFulfilled", ""},
		"FieldLacks":     {"also a field", `{phase: Busy, conditions: [{type: Ready, status: "True"}, {type: Tested, status: "True"}]}`, unknown, "NoMatchesFulfilled", ""},
		"IllFirst":       {"illness is looked for first", `{phase: Done, conditions: [{type: Ready, status: "True"}, {type: Tested, status: "True"}, {type: Stalled, status: "True", message: s}]}`, no, "MatchedCondition", "condition status: True, message: s"},
		"IllByRuleOrder": {"the first requirement that holds speaks", `{conditions: [{type: Ready, status: "False", message: r}, {type: Stalled, status: "True", message: s}]}`, no, "MatchedCondition", "condition status: True, message: s"},
		"IllByField":     {"a field is a sign too", `{phase: Failed, why: w, conditions: [{type: Ready, status: "True"}, {type: Tested, status: "True"}]}`, no, "MatchedField", "field value: Failed, message: w"},
		"CondThenField":  {"conditions come before fields", `{phase: Failed, why: w, conditions: [{type: Ready, status: "False", message: r}]}`, no, "MatchedCondition", "condition status: False, message: r"},
		"Nothing":        {"nothing seen", `null`, unknown, "NoMatchesFulfilled", ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var multi v1alpha1.MultiMatchHealthRule
			load(t, rule, &multi)
			got := health.Of(&v1alpha1.HealthRule{MultiMatch: &multi}, health.Seen{Live: live(t, c.status)})
			want := metav1.Condition{Type: "Healthy", Status: c.want, Reason: c.reason, Message: c.message}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s:\n%s", c.why, diff)
			}
		})
	}
}

func TestOfMatchedField(t *testing.T) {
	cases := map[string]struct{ why, requirement, status, want string }{
		"In":          {"one of the values", `{key: status.p, operator: In, values: [a], messagePath: status.m}`, `{p: a, m: x}`, "field value: a, message: x"},
		"InOther":     {"none of them", `{key: status.p, operator: In, values: [a]}`, `{p: b}`, ""},
		"InAbsent":    {"a path that leads nowhere", `{key: status.p, operator: In, values: [a]}`, `{}`, ""},
		"InNumber":    {"a number never equals its numeral", `{key: status.p, operator: In, values: ["5"]}`, `{p: 5}`, ""},
		"NotIn":       {"none of the values", `{key: status.p, operator: NotIn, values: [a], messagePath: status.m}`, `{p: b, m: x}`, "field value: b, message: x"},
		"NotInHit":    {"one of them", `{key: status.p, operator: NotIn, values: [a]}`, `{p: a}`, ""},
		"NotInNumber": {"a number is none of them", `{key: status.p, operator: NotIn, values: ["5"], messagePath: status.m}`, `{p: 5, m: x}`, "field value: 5, message: x"},
		"NotInAbsent": {"a path that leads nowhere has no value", `{key: status.p, operator: NotIn, values: [a]}`, `{}`, ""},
		"Exists":      {"it is there", `{key: status.p, operator: Exists, messagePath: status.m}`, `{p: false, m: x}`, "field value: false, message: x"},
		"ExistsNull":  {"null is not there", `{key: status.p, operator: Exists}`, `{p: null}`, ""},
		"Absent":      {"it is not there", `{key: status.p, operator: DoesNotExist, messagePath: status.m}`, `{m: x}`, "field value: <nil>, message: x"},
		"AbsentNull":  {"nor is null", `{key: status.p, operator: DoesNotExist, messagePath: status.m}`, `{p: null, m: x}`, "field value: <nil>, message: x"},
		"AbsentThere": {"it is there", `{key: status.p, operator: DoesNotExist}`, `{p: a}`, ""},
		"NoMessage":   {"a message path that leads nowhere", `{key: status.p, operator: Exists, messagePath: status.m}`, `{p: a}`, "field value: a, message: unknown, error retrieving message path [status.m]"},
		"NoPath":      {"nor does one that nobody set", `{key: status.p, operator: Exists}`, `{p: a}`, "field value: a, message: unknown, error retrieving message path []"},
		"Map":         {"messages of any type", `{key: status.p, operator: Exists, messagePath: status.m}`, `{p: a, m: {k: v}}`, "field value: a, message: map[k:v]"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var required v1alpha1.HealthMatchFieldSelectorRequirement
			load(t, c.requirement, &required)
			asIllness := &v1alpha1.MultiMatchHealthRule{Unhealthy: v1alpha1.HealthMatchRule{MatchFields: []v1alpha1.HealthMatchFieldSelectorRequirement{required}}}
			asHealth := &v1alpha1.MultiMatchHealthRule{Healthy: asIllness.Unhealthy}
			ill := metav1.Condition{Type: "Healthy", Status: no, Reason: "MatchedField", Message: c.want}
			well := metav1.Condition{Type: "Healthy", Status: yes, Reason: "MatchedField", Message: c.want}
			if c.want == "" {
				ill = metav1.Condition{Type: "Healthy", Status: unknown, Reason: "NoMatchesFulfilled"}
				well = ill
			}
			seen := health.Seen{Live: live(t, c.status)}
			if diff := cmp.Diff(ill, health.Of(&v1alpha1.HealthRule{MultiMatch: asIllness}, seen)); diff != "" {
				t.Errorf("%s, as a sign of illness:\n%s", c.why, diff)
			}
			if diff := cmp.Diff(well, health.Of(&v1alpha1.HealthRule{MultiMatch: asHealth}, seen)); diff != "" {
				t.Errorf("%s, as a sign of health:\n%s", c.why, diff)
			}
		})
	}
}

// Reasons are made of what template authors write; the API server takes only some.
func TestReasonsAreWritable(t *testing.T) {
	taken := regexp.MustCompile(`^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$`)
	for kind, want := range map[string]string{
		"Succeeded":    "SucceededCondition",
		"foo.io/Ready": "foo_io_ReadyCondition",
		"9lives":       "XlivesCondition",
		"-":            "XCondition",
		"a,b:c_d":      "a,b:c_dCondition",
		"azAZ09":       "azAZ09Condition",
		"a/[`{@":       "a_____Condition",
	} {
		got := health.Of(&v1alpha1.HealthRule{SingleConditionType: kind}, health.Seen{Live: live(t, "{}")}).Reason
		if got != want || !taken.MatchString(got) {
			t.Errorf("the reason made of %q is %q, want %q", kind, got, want)
		}
	}
}

func ExampleOf() {
	rule := &v1alpha1.HealthRule{SingleConditionType: "Succeeded"}
	run := &unstructured.Unstructured{Object: map[string]any{"status": map[string]any{"conditions": []any{
		map[string]any{"type": "Succeeded", "status": "False", "message": "2 of 14 tests failed"},
	}}}}
	healthy := health.Of(rule, health.Seen{Live: run})
	fmt.Println(healthy.Status, healthy.Reason, healthy.Message)
	// Output: False SucceededCondition 2 of 14 tests failed
}
