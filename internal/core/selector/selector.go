// SPDX-License-Identifier: Apache-2.0

// Package selector tells which owners a blueprint, or an option of one of its
// resources, is meant for, and how closely it describes them.
//
//	labels ─┐
//	exprs  ─┼─Compile─▶ Selector ─Matches(labels, object)─▶ yes or no
//	fields ─┘                    └Score()─▶ how many things it asks for
//
// Labels are asked first: a field that cannot be read only troubles owners
// whose labels match.
package selector

import (
	"errors"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/path"
)

// Selector is a compiled selector, safe for any number of goroutines.
type Selector struct {
	labels labels.Selector
	fields []field
	score  int
}

type field struct {
	operator v1alpha1.FieldSelectorOperator
	key      *path.Path
	values   []string
}

// Compile reads the three parts of a selector.
func Compile(equal map[string]string, exprs []metav1.LabelSelectorRequirement, fields []v1alpha1.FieldSelectorRequirement) (*Selector, error) {
	l, err := metav1.LabelSelectorAsSelector(&metav1.LabelSelector{MatchLabels: equal, MatchExpressions: exprs})
	if err != nil {
		return nil, fmt.Errorf("reading label selector: %w", err)
	}
	s := &Selector{labels: l, score: len(equal) + len(exprs) + len(fields)}
	for _, f := range fields {
		p, err := path.Parse(f.Key)
		if err != nil {
			return nil, fmt.Errorf("unable to match field requirement with key [%s]: %w", f.Key, err)
		}
		s.fields = append(s.fields, field{f.Operator, p, f.Values})
	}
	return s, nil
}

// Score is the number of things asked for: the most specific selector wins.
// One that asks for nothing scores 0 and matches nobody.
func (s *Selector) Score() int { return s.score }

// Matches is true if everything that is asked for holds. The object is walked
// by its json tags.
func (s *Selector) Matches(have map[string]string, object any) (bool, error) {
	if s.score == 0 || !s.labels.Matches(labels.Set(have)) {
		return false, nil
	}
	for _, f := range s.fields {
		ok, err := f.matches(object)
		if err != nil || !ok {
			return false, err
		}
	}
	return true, nil
}

func (f field) matches(object any) (bool, error) {
	value, err := f.key.Value(object)
	if errors.Is(err, path.ErrNotFound) {
		// NotIn on a path that is not there does not match: only DoesNotExist does.
		return f.operator == v1alpha1.FieldSelectorDoesNotExist, nil
	}
	if err != nil {
		return false, fmt.Errorf("unable to match field requirement with key [%s]: %w", f.key, err)
	}
	switch f.operator {
	case v1alpha1.FieldSelectorExists:
		return value != nil, nil
	case v1alpha1.FieldSelectorDoesNotExist:
		return value == nil, nil
	case v1alpha1.FieldSelectorIn:
		return f.names(value), nil
	case v1alpha1.FieldSelectorNotIn:
		return !f.names(value), nil
	}
	return false, fmt.Errorf("operator [%s] is invalid", f.operator)
}

// names compares text only: a number never equals its numeral.
func (f field) names(value any) bool {
	s, ok := value.(string)
	return ok && slices.Contains(f.values, s)
}
