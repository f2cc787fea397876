// SPDX-License-Identifier: Apache-2.0

package admit

import (
	"rhumb.run/rhumb/api/carto/v1alpha1"
)

// checkHealth: one rule, and one that can tell.
func checkHealth(f *finder, rule *v1alpha1.HealthRule) {
	at := spec.to("healthRule")
	given := 0
	for _, is := range []bool{rule.AlwaysHealthy != nil, rule.SingleConditionType != "", rule.MultiMatch != nil} {
		if is {
			given++
		}
	}
	const oneOf = "invalid health rule: must specify one of alwaysHealthy, singleConditionType or multiMatch, found "
	switch {
	case given == 0:
		f.refuse(at, oneOf+"neither")
	case given > 1:
		f.refuse(at, oneOf+"multiple")
	}
	if m := rule.MultiMatch; m != nil {
		checkMatches(f, at.to("multiMatch", "unhealthy"), "unhealthy", m.Unhealthy)
		checkMatches(f, at.to("multiMatch", "healthy"), "healthy", m.Healthy)
	}
}

// checkMatches: what a requirement on a field asks for can be met. Health only
// informs, and one requirement of several may be idle: that is told, not refused.
func checkMatches(f *finder, at Path, side string, rule v1alpha1.HealthMatchRule) {
	if len(rule.MatchConditions)+len(rule.MatchFields) == 0 {
		f.refuse(at, "invalid multi match health rule: %s rule has no matchFields or matchConditions", side)
	}
	for i, m := range rule.MatchFields {
		field := at.to("matchFields", i)
		if err := operator(m.FieldSelectorRequirement); err != nil {
			f.warn(field, "invalid multi match health rule: %s rule for key [%s]: %v", side, m.Key, err)
		}
		legible(f, field.to("key"), m.Key)
		if m.MessagePath != "" {
			legible(f, field.to("messagePath"), m.MessagePath)
		}
	}
}
