// SPDX-License-Identifier: Apache-2.0

package admit

import (
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/path"
)

// ownerFields are the fields of an owner that a selector may look at, and the
// beginnings of those that it may look into. config/gen has the same for CEL.
type ownerFields struct{ keys, prefixes []string }

var deliverableFields = ownerFields{
	keys: []string{
		"spec.source", "spec.source.git", "spec.source.git.url", "spec.source.git.ref", "spec.source.git.ref.branch",
		"spec.source.git.ref.tag", "spec.source.git.ref.commit", "spec.source.image", "spec.source.subPath",
		"spec.serviceAccountName",
	},
	prefixes: []string{"spec.params", "metadata"},
}

var workloadFields = ownerFields{
	keys:     append(slices.Clone(deliverableFields.keys), "spec.build", "spec.image"),
	prefixes: []string{"spec.params", "spec.build.env", "spec.env", "spec.resources", "spec.serviceClaims", "metadata"},
}

func (o ownerFields) have(key string) bool {
	return slices.Contains(o.keys, key) ||
		slices.ContainsFunc(o.prefixes, func(p string) bool { return strings.HasPrefix(key, p) })
}

// checkSelector: whom a blueprint is for can be told.
func (b *blueprint) checkSelector(f *finder) {
	if err := validLabels(b.selector.Selector); err != nil {
		f.refuse(spec.to("selector"), "selector is not valid: %v", err)
	}
	if err := validExpressions(b.selector.SelectorMatchExpressions); err != nil {
		f.refuse(spec.to("selectorMatchExpressions"), "selectorMatchExpressions are not valid: %v", err)
	}
	for i, r := range b.selector.SelectorMatchFields {
		if err := b.fields.check(r); err != nil {
			f.refuse(spec.to("selectorMatchFields", i), "%v", err)
		}
	}
}

func validLabels(want map[string]string) error {
	_, err := labels.ValidatedSelectorFromSet(want)
	return err
}

func validExpressions(want []metav1.LabelSelectorRequirement) error {
	_, err := metav1.LabelSelectorAsSelector(&metav1.LabelSelector{MatchExpressions: want})
	return err
}

// check says what is wrong with a requirement on an owner's field.
func (o ownerFields) check(r v1alpha1.FieldSelectorRequirement) error {
	if err := operator(r); err != nil {
		return err
	}
	if !o.have(r.Key) {
		return fmt.Errorf("requirement key [%s] is not a valid path", r.Key)
	}
	if _, err := path.Parse(r.Key); err != nil {
		return fmt.Errorf("invalid jsonpath for key [%s]: %w", r.Key, err)
	}
	return nil
}

// operator: one of no values, or values where only presence counts, is a mistake.
func operator(r v1alpha1.FieldSelectorRequirement) error {
	switch r.Operator {
	case v1alpha1.FieldSelectorExists, v1alpha1.FieldSelectorDoesNotExist:
		if len(r.Values) > 0 {
			return fmt.Errorf("cannot specify values with operator [%s]", r.Operator)
		}
	case v1alpha1.FieldSelectorIn, v1alpha1.FieldSelectorNotIn:
		if len(r.Values) == 0 {
			return fmt.Errorf("must specify values with operator [%s]", r.Operator)
		}
	default:
		return fmt.Errorf("operator [%s] is invalid", r.Operator)
	}
	return nil
}
