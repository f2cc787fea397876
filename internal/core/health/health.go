// SPDX-License-Identifier: Apache-2.0

// Package health judges a stamped object by its template's rule.
//
//	rule + live object ─Of─▶ Healthy condition: True, False or Unknown, with reason and message
//
// Health informs people; it does not hold outputs back.
package health

import (
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/path"
)

// Seen is what is known of a step when its health is judged.
type Seen struct {
	// Live is the stamped object, nil if there is none.
	Live *unstructured.Unstructured
	// Yields is true if the template promises outputs.
	Yields bool
	// Output is true if they could be read.
	Output bool
}

// Of judges. The condition has no transition time: it is a fact, not a history.
func Of(rule *v1alpha1.HealthRule, seen Seen) metav1.Condition {
	switch {
	case rule == nil && seen.Yields:
		return byOutput(seen)
	case rule == nil, rule.AlwaysHealthy != nil:
		return byPresence(seen)
	case rule.SingleConditionType != "":
		return byCondition(rule.SingleConditionType, seen)
	case rule.MultiMatch != nil:
		return byMatch(rule.MultiMatch, seen)
	}
	return byPresence(seen)
}

func healthy(status metav1.ConditionStatus, reason, message string) metav1.Condition {
	return metav1.Condition{Type: v1alpha1.ResourceHealthy, Status: status, Reason: reason, Message: message}
}

func byOutput(seen Seen) metav1.Condition {
	if seen.Output {
		return healthy(metav1.ConditionTrue, v1alpha1.OutputAvailableResourcesHealthyReason, "")
	}
	return healthy(metav1.ConditionUnknown, v1alpha1.OutputNotAvailableResourcesHealthyReason, "")
}

func byPresence(seen Seen) metav1.Condition {
	if seen.Live != nil {
		return healthy(metav1.ConditionTrue, v1alpha1.AlwaysHealthyResourcesHealthyReason, "")
	}
	return healthy(metav1.ConditionUnknown, v1alpha1.NoStampedObjectHealthyReason, "")
}

func byCondition(kind string, seen Seen) metav1.Condition {
	if seen.Live == nil {
		return healthy(metav1.ConditionUnknown, v1alpha1.NoStampedObjectHealthyReason, "")
	}
	for _, c := range conditions(seen.Live) {
		if c.Type != kind {
			continue
		}
		status := c.Status
		if status != metav1.ConditionTrue && status != metav1.ConditionFalse {
			status = metav1.ConditionUnknown
		}
		return healthy(status, reasonFor(kind), c.Message)
	}
	return healthy(metav1.ConditionUnknown, reasonFor(kind),
		fmt.Sprintf("condition with type [%s] not found on resource status", kind))
}

// reasonFor makes a reason of a condition type, which may hold characters
// (foo.io/Ready) that the API server refuses in a reason.
func reasonFor(kind string) string {
	out := []rune(kind + "Condition")
	for i, r := range out {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !letter && (i == 0 || ((r < '0' || r > '9') && r != '_' && r != ',' && r != ':')) {
			out[i] = '_'
		}
	}
	if out[0] == '_' {
		out[0] = 'X'
	}
	return string(out)
}

// byMatch asks for signs of illness first: one is enough. Health needs them all.
func byMatch(rule *v1alpha1.MultiMatchHealthRule, seen Seen) metav1.Condition {
	if seen.Live == nil {
		return healthy(metav1.ConditionUnknown, v1alpha1.NoStampedObjectHealthyReason, "")
	}
	have := conditions(seen.Live)
	for _, want := range rule.Unhealthy.MatchConditions {
		if c, ok := matchCondition(want, have); ok {
			return healthy(metav1.ConditionFalse, v1alpha1.MultiMatchConditionHealthyReason, conditionMessage(c))
		}
	}
	for _, want := range rule.Unhealthy.MatchFields {
		if value, ok := matchField(want, seen.Live); ok {
			return healthy(metav1.ConditionFalse, v1alpha1.MultiMatchFieldHealthyReason, fieldMessage(want, value, seen.Live))
		}
	}
	return allHealthy(rule.Healthy, have, seen.Live)
}

func allHealthy(rule v1alpha1.HealthMatchRule, have []metav1.Condition, live *unstructured.Unstructured) metav1.Condition {
	reason, message := "", ""
	for _, want := range rule.MatchConditions {
		c, ok := matchCondition(want, have)
		if !ok {
			return healthy(metav1.ConditionUnknown, v1alpha1.NoMatchesFulfilledReason, "")
		}
		if reason == "" {
			reason, message = v1alpha1.MultiMatchConditionHealthyReason, conditionMessage(c)
		}
	}
	for _, want := range rule.MatchFields {
		value, ok := matchField(want, live)
		if !ok {
			return healthy(metav1.ConditionUnknown, v1alpha1.NoMatchesFulfilledReason, "")
		}
		if reason == "" {
			reason, message = v1alpha1.MultiMatchFieldHealthyReason, fieldMessage(want, value, live)
		}
	}
	if reason == "" {
		return healthy(metav1.ConditionUnknown, v1alpha1.NoMatchesFulfilledReason, "")
	}
	return healthy(metav1.ConditionTrue, reason, message)
}

func matchCondition(want v1alpha1.ConditionRequirement, have []metav1.Condition) (metav1.Condition, bool) {
	for _, c := range have {
		if c.Type == want.Type && c.Status == want.Status {
			return c, true
		}
	}
	return metav1.Condition{}, false
}

func conditionMessage(c metav1.Condition) string {
	return fmt.Sprintf("condition status: %s, message: %s", c.Status, c.Message)
}

func matchField(want v1alpha1.HealthMatchFieldSelectorRequirement, live *unstructured.Unstructured) (any, bool) {
	value, err := valueAt(want.Key, live)
	found := err == nil
	switch want.Operator {
	case v1alpha1.FieldSelectorExists:
		return value, found && value != nil
	case v1alpha1.FieldSelectorDoesNotExist:
		return value, !found || value == nil
	case v1alpha1.FieldSelectorIn:
		return value, found && names(want.Values, value)
	case v1alpha1.FieldSelectorNotIn:
		return value, found && !names(want.Values, value)
	}
	return value, false
}

func names(values []string, value any) bool {
	text, isText := value.(string)
	return isText && slices.Contains(values, text)
}

func fieldMessage(want v1alpha1.HealthMatchFieldSelectorRequirement, value any, live *unstructured.Unstructured) string {
	message, err := valueAt(want.MessagePath, live)
	if err != nil {
		message = fmt.Sprintf("unknown, error retrieving message path [%s]", want.MessagePath)
	}
	return fmt.Sprintf("field value: %v, message: %v", value, message)
}

func valueAt(expr string, live *unstructured.Unstructured) (any, error) {
	p, err := path.Parse(expr)
	if err != nil {
		return nil, err
	}
	return p.Value(live.Object)
}

// conditions reads the object's conditions; a list with an entry that is none
// counts as empty.
func conditions(live *unstructured.Unstructured) []metav1.Condition {
	list, found, err := unstructured.NestedSlice(live.Object, "status", "conditions")
	if err != nil || !found {
		return nil
	}
	out := make([]metav1.Condition, 0, len(list))
	for _, e := range list {
		m, ok := e.(map[string]any)
		if !ok {
			return nil
		}
		var c metav1.Condition
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(m, &c); err != nil {
			return nil
		}
		out = append(out, c)
	}
	return out
}
