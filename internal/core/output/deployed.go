// SPDX-License-Identifier: Apache-2.0

package output

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/path"
	"rhumb.run/rhumb/internal/fault"
)

// Deployed tells by an object's fields whether what it deploys is deployed:
// by pairs that are equal then, or by a field that says so.
type Deployed struct {
	matches           []match
	succeeded, failed *condition
}

// match is a pair of fields that are equal once the object is done.
type match struct{ input, output *path.Path }

// condition holds when a field has a value.
type condition struct {
	key   *path.Path
	value string
}

// CompileDeployed reads the two ways of saying it, of which a template has one.
func CompileDeployed(matches []v1alpha1.ObservedMatch, completion *v1alpha1.ObservedCompletion) (*Deployed, error) {
	if (len(matches) > 0) == (completion != nil) {
		return &Deployed{}, errors.New("invalid spec: must set exactly one of spec.ObservedMatches and spec.ObservedCompletion")
	}
	d := &Deployed{}
	for i, m := range matches {
		in, err := path.Parse(m.Input)
		if err != nil {
			return d, fmt.Errorf("reading observedMatches[%d].input: %w", i, err)
		}
		out, err := path.Parse(m.Output)
		if err != nil {
			return d, fmt.Errorf("reading observedMatches[%d].output: %w", i, err)
		}
		d.matches = append(d.matches, match{in, out})
	}
	if completion == nil {
		return d, nil
	}
	var err error
	if d.succeeded, err = compileCondition(&completion.SucceededCondition); err != nil {
		return d, fmt.Errorf("reading observedCompletion.succeeded: %w", err)
	}
	if d.failed, err = compileCondition(completion.FailedCondition); err != nil {
		return d, fmt.Errorf("reading observedCompletion.failed: %w", err)
	}
	return d, nil
}

func compileCondition(c *v1alpha1.Condition) (*condition, error) {
	if c == nil {
		return nil, nil
	}
	key, err := path.Parse(c.Key)
	return &condition{key, c.Value}, err
}

// Check is nil if the object is done. Else it says what is awaited, or what
// went wrong, marked for the queue; resource is the step's name.
func (d *Deployed) Check(resource string, live *unstructured.Unstructured) error {
	if d.succeeded != nil {
		return d.completed(resource, live)
	}
	for _, m := range d.matches {
		if err := m.check(live); err != nil {
			return notMet(resource, err)
		}
	}
	// The pairs may have been equal before the object's controller looked at its newest spec.
	if seen, newest, says := Observed(live); says && seen != newest {
		return notMet(resource, unobserved(seen, newest))
	}
	return nil
}

func (m match) check(live *unstructured.Unstructured) error {
	in, err := m.input.Value(live.Object)
	if err != nil {
		return fmt.Errorf("could not find value on input [%s]: %w", m.input, err)
	}
	out, err := m.output.Value(live.Object)
	if err != nil {
		return fmt.Errorf("could not find value on output [%s]: %w", m.output, err)
	}
	if asked, there := literal(in), literal(out); asked != there {
		if plain(in) != plain(out) { // else only their quotes tell a text from a number
			asked, there = plain(in), plain(out)
		}
		return fmt.Errorf("input [%s] and output [%s] do not match: %s != %s", m.input, m.output, asked, there)
	}
	return nil
}

// completed believes no field of a status that speaks of an older spec, and
// looks for failure before success.
func (d *Deployed) completed(resource string, live *unstructured.Unstructured) error {
	seen, newest, says := Observed(live)
	if !says {
		return fault.Rejectf(v1alpha1.TemplateStampFailureResourcesSubmittedReason,
			"resource [%s] cannot satisfy observedCompletion without observedGeneration in object status", resource)
	}
	if seen != newest {
		return notMet(resource, unobserved(seen, newest))
	}
	if d.failed != nil {
		// A failure that cannot be read has not happened.
		if value, err := d.failed.key.Value(live.Object); err == nil && plain(value) == d.failed.value {
			return fault.Rejectf(v1alpha1.DeployableFailedConditionMetResourcesSubmittedReason,
				"resource [%s] failed condition met: deployment failure condition [%s] was: %s", resource, d.failed.key, plain(value))
		}
	}
	value, err := d.succeeded.key.Value(live.Object)
	if err != nil {
		return notMet(resource, fmt.Errorf("failed to evaluate succeededCondition.Key [%s]: %w", d.succeeded.key, err))
	}
	if plain(value) != d.succeeded.value {
		return notMet(resource, fmt.Errorf("deployment success condition [%s] was: %s, expected: %s", d.succeeded.key, plain(value), d.succeeded.value))
	}
	return nil
}

func notMet(resource string, err error) error {
	return fault.Waitf(v1alpha1.DeployableConditionNotMetResourcesSubmittedReason, "resource [%s] condition not met: %w", resource, err)
}

func unobserved(seen, newest int64) error {
	return fmt.Errorf("status.observedGeneration does not equal metadata.generation: %d != %d", seen, newest)
}

// literal is a value's JSON, which is the same for equal values: keys are in
// order, and a whole number reads the same whatever type it was decoded to.
func literal(value any) string {
	var out strings.Builder
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(value); err != nil {
		// Plain JSON values always encode.
		panic("encoding value: " + err.Error())
	}
	return strings.TrimSuffix(out.String(), "\n")
}

// plain is a value as people write it: text without its quotes, all else as JSON.
func plain(value any) string {
	if text, ok := value.(string); ok {
		return text
	}
	return literal(value)
}
