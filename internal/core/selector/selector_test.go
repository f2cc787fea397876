// SPDX-License-Identifier: Apache-2.0

package selector_test

import (
	"maps"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/selector"
)

func workload() *v1alpha1.Workload {
	url := "https://git.test/app"
	replicas := v1alpha1.OwnerParam{Name: "replicas", Value: v1alpha1.JSON{Raw: []byte("5")}}
	w := &v1alpha1.Workload{}
	w.Name = "app"
	w.Labels = map[string]string{"type": "web", "team": "blue"}
	w.Spec.Source = &v1alpha1.Source{Git: &v1alpha1.GitSource{URL: &url}}
	w.Spec.Env = []corev1.EnvVar{{Name: "PORT", Value: "8080"}}
	w.Spec.Params = []v1alpha1.OwnerParam{replicas}
	return w
}

func field(key string, operator v1alpha1.FieldSelectorOperator, values ...string) []v1alpha1.FieldSelectorRequirement {
	return []v1alpha1.FieldSelectorRequirement{{Key: key, Operator: operator, Values: values}}
}

func expr(key string, operator metav1.LabelSelectorOperator, values ...string) []metav1.LabelSelectorRequirement {
	return []metav1.LabelSelectorRequirement{{Key: key, Operator: operator, Values: values}}
}

const (
	in        = v1alpha1.FieldSelectorIn
	notIn     = v1alpha1.FieldSelectorNotIn
	exists    = v1alpha1.FieldSelectorExists
	doesNotEx = v1alpha1.FieldSelectorDoesNotExist
)

func TestMatchesLabels(t *testing.T) {
	cases := map[string]struct {
		why   string
		equal map[string]string
		exprs []metav1.LabelSelectorRequirement
		want  bool
	}{
		"Empty":        {why: "who asks for nothing is for nobody", want: false},
		"Equal":        {why: "all labels have their values", equal: map[string]string{"type": "web", "team": "blue"}, want: true},
		"OneDiffers":   {why: "one that differs is enough", equal: map[string]string{"type": "web", "team": "red"}, want: false},
		"In":           {why: "one of the values", exprs: expr("team", "In", "red", "blue"), want: true},
		"NotIn":        {why: "none of the values", exprs: expr("team", "NotIn", "red"), want: true},
		"NotInAbsent":  {why: "a label that is absent has none of the values", exprs: expr("none", "NotIn", "red"), want: true},
		"Exists":       {why: "the label is there", exprs: expr("team", "Exists"), want: true},
		"DoesNotExist": {why: "the label is there", exprs: expr("team", "DoesNotExist"), want: false},
		"Both":         {why: "equalities and expressions must hold", equal: map[string]string{"type": "web"}, exprs: expr("team", "In", "red"), want: false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := workload()
			got, err := selector.Compile(c.equal, c.exprs, nil).Matches(w.Labels, w)
			if err != nil || got != c.want {
				t.Errorf("%s: Matches = %v, %v; want %v", c.why, got, err, c.want)
			}
		})
	}
}

func TestMatchesFields(t *testing.T) {
	cases := map[string]struct {
		why      string
		key      string
		operator v1alpha1.FieldSelectorOperator
		values   []string
		want     bool
	}{
		"In":                 {"text equals one of the values", "spec.source.git.url", in, []string{"x", "https://git.test/app"}, true},
		"InOther":            {"and no other", "spec.source.git.url", in, []string{"x"}, false},
		"NotIn":              {"text is none of the values", "spec.source.git.url", notIn, []string{"x"}, true},
		"NotInHit":           {"text is one of the values", "spec.source.git.url", notIn, []string{"https://git.test/app"}, false},
		"Exists":             {"a pointer that is set exists", "spec.source.git.url", exists, nil, true},
		"DoesNotExist":       {"a pointer that is set exists", "spec.source.git.url", doesNotEx, nil, false},
		"AbsentIn":           {"a path that leads nowhere has no value", "spec.source.git.ref.branch", in, []string{""}, false},
		"AbsentNotIn":        {"not even one that is none of the values", "spec.source.git.ref.branch", notIn, []string{"main"}, false},
		"AbsentExists":       {"it does not exist", "spec.source.git.ref.branch", exists, nil, false},
		"AbsentDoesNotExist": {"which can be asked for", "spec.source.git.ref.branch", doesNotEx, nil, true},
		"NullExists":         {"an unset pointer is null, and null does not exist", "spec.image", exists, nil, false},
		"NullDoesNotExist":   {"which can be asked for", "spec.image", doesNotEx, nil, true},
		"NullNotIn":          {"null is none of the values: the path leads there", "spec.image", notIn, []string{"x"}, true},
		"NullIn":             {"nor is it one of them", "spec.image", in, []string{""}, false},
		"NilListExists":      {"an unset list is null", "spec.build.env", exists, nil, false},
		"EmptyTextExists":    {"unset text that is no pointer is empty, and is there", "spec.serviceAccountName", exists, nil, true},
		"EmptyTextIn":        {"and equals empty text", "spec.serviceAccountName", in, []string{""}, true},
		"StructExists":       {"a struct is always there", "spec.build", exists, nil, true},
		"NumberIn":           {"a number never equals its numeral", "spec.params[0].value", in, []string{"5"}, false},
		"NumberNotIn":        {"so it is none of them", "spec.params[0].value", notIn, []string{"5"}, true},
		"Filter":             {"filters work", `spec.env[?(@.name=="PORT")].value`, in, []string{"8080"}, true},
		"FilterMiss":         {"a filter without a hit leads nowhere", `spec.env[?(@.name=="HOST")].value`, exists, nil, false},
		"Metadata":           {"labels are fields too", "metadata.labels.team", in, []string{"blue"}, true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := workload()
			got, err := selector.Compile(nil, nil, field(c.key, c.operator, c.values...)).Matches(w.Labels, w)
			if err != nil || got != c.want {
				t.Errorf("%s: Matches = %v, %v; want %v", c.why, got, err, c.want)
			}
		})
	}
}

// What cannot be evaluated is an error to those whose labels match, and to nobody else.
func TestMatchesRefuses(t *testing.T) {
	cases := map[string]struct {
		why    string
		equal  map[string]string
		exprs  []metav1.LabelSelectorRequirement
		fields []v1alpha1.FieldSelectorRequirement
		want   string
	}{
		"OutOfBounds": {
			why: "an index beyond the list", fields: field("spec.env[7].value", exists),
			want: "unable to match field requirement with key [spec.env[7].value]: evaluate: failed to find results: array index out of bounds: index 7, length 1",
		},
		"NoPath": {
			why: "a key that is no path", fields: field("spec.params[?(", exists),
			want: "unable to match field requirement with key [spec.params[?(]: evaluate: failed to parse jsonpath 'spec.params[?(': unterminated filter",
		},
		"NoOperator":      {why: "an operator that nobody knows", fields: field("spec.build", "Near"), want: "operator [Near] is invalid"},
		"NoLabelOperator": {why: "nor does anybody this one", exprs: expr("team", "Near", "blue"), want: `reading label selector: "Near" is not a valid label selector operator`},
		"NoLabel":         {why: "a value that no label can have", equal: map[string]string{"team": "not a label!"}, want: "reading label selector: values[0][team]: Invalid value"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := workload()
			if ok, err := selector.Compile(c.equal, c.exprs, c.fields).Matches(w.Labels, w); ok || err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: Matches = %v, %v; want false and %q", c.why, ok, err, c.want)
			}
			elsewhere := map[string]string{"type": "job"}
			maps.Copy(elsewhere, c.equal)
			if ok, err := selector.Compile(elsewhere, c.exprs, c.fields).Matches(w.Labels, w); ok || err != nil {
				t.Errorf("%s, asked for with labels that do not match: Matches = %v, %v; want false and no error", c.why, ok, err)
			}
		})
	}
}

// Of several things that cannot be read the first is named, each time.
func TestMatchesNamesTheFirst(t *testing.T) {
	w := workload()
	_, err := selector.Compile(nil, expr("team", "Near"), append(field("a[", exists), field("b[", exists)...)).Matches(w.Labels, w)
	if err == nil || !strings.Contains(err.Error(), `"Near" is not a valid label selector operator`) {
		t.Errorf("err = %v, want the label's", err)
	}
	_, err = selector.Compile(nil, nil, append(field("a[", exists), field("b[", exists)...)).Matches(w.Labels, w)
	if err == nil || !strings.Contains(err.Error(), "with key [a[]") {
		t.Errorf("err = %v, want the first field's", err)
	}
}

func TestScore(t *testing.T) {
	s := selector.Compile(map[string]string{"a": "b", "c": "d"}, expr("team", "Exists"), append(field("spec.a", exists), field("spec.b[", exists)...))
	if s.Score() != 5 {
		t.Errorf("Score = %d, want 5: each label, expression and field counts one, readable or not", s.Score())
	}
	if got := selector.Compile(nil, nil, nil).Score(); got != 0 {
		t.Errorf("Score of nothing = %d, want 0", got)
	}
}

// A selector of any content asks its question or says why it cannot; it never panics.
func FuzzMatches(f *testing.F) {
	for _, seed := range []string{"spec.env[0].value", "spec.params[?(", "..", "metadata.labels", "spec.source.git", "{range .spec.env[*]}{end}", "spec.env[-1:]"} {
		f.Add(seed, "In", "type", "Exists")
	}
	f.Add("spec.image", "", "bad key!", "Near")
	w := workload()
	f.Fuzz(func(t *testing.T, key, operator, label, relation string) {
		s := selector.Compile(map[string]string{"type": "web"}, expr(label, metav1.LabelSelectorOperator(relation), operator), field(key, v1alpha1.FieldSelectorOperator(operator), relation))
		first, err1 := s.Matches(w.Labels, w)
		again, err2 := s.Matches(w.Labels, w)
		if first != again || (err1 == nil) != (err2 == nil) {
			t.Errorf("asked twice: %v %v, then %v %v", first, err1, again, err2)
		}
		if err1 != nil && first {
			t.Errorf("a selector that cannot be read matches: %v", err1)
		}
	})
}
