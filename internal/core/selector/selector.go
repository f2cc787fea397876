// SPDX-License-Identifier: Apache-2.0

// Package selector tells which owners a blueprint, or an option of one of its
// resources, is meant for, and how closely it describes them.
//
//	labels ─┐
//	exprs  ─┼─Compile─▶ Selector ─Matches(labels, object)─▶ yes or no
//	fields ─┘                    └Score()─▶ how many things it asks for
//
// Labels are asked first: what cannot be read, of labels or fields, only
// troubles owners who meet every requirement on labels that can.
package selector

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/path"
)

// Selector is a compiled selector, safe for any number of goroutines.
type Selector struct {
	labels []labels.Requirement
	fields []field
	score  int
	// err is of the first requirement that cannot be read.
	err error
}

type field struct {
	operator v1alpha1.FieldSelectorOperator
	key      *path.Path
	values   []string
}

// Compile reads the three parts of a selector. It never fails: what cannot be
// read is said to those whom it may concern.
func Compile(equal map[string]string, exprs []metav1.LabelSelectorRequirement, fields []v1alpha1.FieldSelectorRequirement) *Selector {
	s := &Selector{score: len(equal) + len(exprs) + len(fields)}
	for _, key := range slices.Sorted(maps.Keys(equal)) {
		s.ask(metav1.LabelSelector{MatchLabels: map[string]string{key: equal[key]}})
	}
	for _, e := range exprs {
		s.ask(metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{e}})
	}
	for _, f := range fields {
		p, err := path.Parse(f.Key)
		if err != nil {
			s.unreadable(fmt.Errorf("unable to match field requirement with key [%s]: %w", f.Key, err))
			continue
		}
		s.fields = append(s.fields, field{f.Operator, p, f.Values})
	}
	return s
}

func (s *Selector) ask(of metav1.LabelSelector) {
	l, err := metav1.LabelSelectorAsSelector(&of)
	if err != nil {
		s.unreadable(fmt.Errorf("reading label selector: %w", err))
		return
	}
	asked, _ := l.Requirements()
	s.labels = append(s.labels, asked...)
}

func (s *Selector) unreadable(err error) {
	if s.err == nil {
		s.err = err
	}
}

// Score is the number of things asked for: the most specific selector wins.
// One that asks for nothing scores 0 and matches nobody.
func (s *Selector) Score() int { return s.score }

// Matches is true if everything that is asked for holds. The object is walked
// by its json tags.
func (s *Selector) Matches(have map[string]string, object any) (bool, error) {
	if s.score == 0 {
		return false, nil
	}
	for i := range s.labels {
		if !s.labels[i].Matches(labels.Set(have)) {
			return false, nil
		}
	}
	if s.err != nil {
		return false, s.err
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
