// SPDX-License-Identifier: Apache-2.0

package blueprint

import (
	"fmt"
	"strings"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/owner"
	"rhumb.run/rhumb/internal/fault"
)

// Choose finds the blueprint that describes the owner most closely. The error
// carries the reason for which there is none, or more than one; a blueprint
// that is not ready itself is returned together with its own reason.
func Choose(o *owner.Owner, from []*Blueprint) (*Blueprint, error) {
	if len(o.Labels) == 0 {
		return nil, fault.Rejectf(o.LabelsMissing, "%s", o.LabelsMissingMessage)
	}
	best, err := closest(from, func(b *Blueprint) (int, error) {
		ok, err := b.Matches(o.Labels, o.Object)
		if err != nil {
			return 0, fmt.Errorf("matching %s [%s]: %w", b.noun(), b.Name, err)
		}
		return score(ok, b.selector), nil
	})
	switch {
	case err != nil:
		return nil, fault.As(fault.Reject, v1alpha1.SelectorErrorReason, err)
	case len(best) == 0:
		return nil, fault.Rejectf(o.NotFound, o.NotFoundMessage, o.Labels)
	case len(best) > 1:
		return nil, fault.Rejectf(o.MultipleMatches, "%s", o.MultipleMessage)
	}
	return best[0], readiness(best[0])
}

// readiness passes a blueprint's own trouble on to those who follow it.
func readiness(b *Blueprint) error {
	switch {
	case b.Ready == nil:
		return fault.Waitf(v1alpha1.BlueprintNotReadyReason, "%s [%s] has not been checked yet", b.Kind, b.Name)
	case b.Ready.Status != "True":
		return fault.Rejectf(b.Ready.Reason, "%s", b.Ready.Message)
	}
	return nil
}

// Choice is the option that a resource takes for the owner.
func (r *Resource) Choice(o *owner.Owner, blueprint string) (Option, error) {
	if len(r.Options) == 0 {
		return Option{Template: r.Template.Name}, nil
	}
	best, err := closest(r.Options, func(option Option) (int, error) {
		ok, err := option.selector.Matches(o.Labels, o.Object)
		if err != nil {
			return 0, fault.Rejectf(v1alpha1.ResolveTemplateOptionsErrorReason,
				"error matching against template option [%s] for resource [%s] in %s [%s]: %w", option.name(), r.Name, o.BlueprintNoun, blueprint, err)
		}
		return score(ok, option.selector), nil
	})
	if err != nil {
		return Option{}, err
	}
	if len(best) != 1 {
		return Option{}, fault.Rejectf(v1alpha1.TemplateOptionsMatchErrorReason,
			"expected exactly 1 option to match, found [%d] matching options%s for resource [%s] in %s [%s]",
			len(best), names(best), r.Name, o.BlueprintNoun, blueprint)
	}
	return best[0], nil
}

func (o Option) name() string {
	if o.Template == "" {
		return o.PassThrough
	}
	return o.Template
}

func names(options []Option) string {
	if len(options) == 0 {
		return ""
	}
	var out []string
	for _, o := range options {
		out = append(out, o.name())
	}
	return " [" + strings.Join(out, ", ") + "]"
}

type scored interface{ Score() int }

func score(matched bool, s scored) int {
	if !matched {
		return 0
	}
	return s.Score()
}

// closest keeps those with the highest score above nought. One that cannot be
// asked spoils the choice: nobody knows whether it would have won.
func closest[T any](from []T, score func(T) (int, error)) ([]T, error) {
	var best []T
	high := 1
	for _, candidate := range from {
		points, err := score(candidate)
		if err != nil {
			return nil, err
		}
		if points > high {
			best, high = nil, points
		}
		if points == high {
			best = append(best, candidate)
		}
	}
	return best, nil
}
