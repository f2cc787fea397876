// SPDX-License-Identifier: Apache-2.0

package lifecycle_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/lifecycle"
)

const sum = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func TestName(t *testing.T) {
	long := strings.Repeat("x", 80)
	cases := map[string]struct{ why, generate, want string }{
		"Short": {"what the template asked for, then a part of the digest", "app-test-", "app-test-01234567"},
		"Long":  {"as long as a label value may be, so that neighbours can label by it", long, long[:55] + "01234567"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := lifecycle.Name(c.generate, sum); got != c.want {
				t.Errorf("%s: %q, want %q", c.why, got, c.want)
			}
		})
	}
}

func object(name, digest string, spec, metadata map[string]any) *unstructured.Unstructured {
	u := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "test.run/v1", "kind": "Run", "metadata": map[string]any{}}}
	if spec != nil {
		u.Object["spec"] = spec
	}
	maps.Copy(u.Object["metadata"].(map[string]any), metadata)
	u.SetName(name)
	u.SetUID(types.UID(name))
	if digest != "" {
		annotations := u.GetAnnotations()
		if annotations == nil {
			annotations = map[string]string{}
		}
		annotations[lifecycle.DigestAnnotation] = digest
		u.SetAnnotations(annotations)
	}
	return u
}

func TestFind(t *testing.T) {
	spec := map[string]any{"branch": "main"}
	defaulted := map[string]any{"branch": "main", "timeout": "1h"}
	labels := func(kv ...any) map[string]any {
		m := map[string]any{}
		for i := 0; i < len(kv); i += 2 {
			m[kv[i].(string)] = kv[i+1]
		}
		return map[string]any{"labels": m}
	}
	cases := map[string]struct {
		why  string
		runs []*unstructured.Unstructured
		want string
	}{
		"Digest":    {"a run says what it is a run of, whatever its spec has become", []*unstructured.Unstructured{object("other", "sha256:2", spec, nil), object("run", sum, map[string]any{}, nil)}, "run"},
		"None":      {"another content is another run", []*unstructured.Unstructured{object("other", "sha256:2", spec, nil)}, ""},
		"Old":       {"one without a digest is known by what it says", []*unstructured.Unstructured{object("old", "", spec, labels("team", "a"))}, "old"},
		"Defaulted": {"the server may have added to it", []*unstructured.Unstructured{object("old", "", defaulted, labels("team", "a", "app", "x"))}, "old"},
		"Other":     {"but not have changed it", []*unstructured.Unstructured{object("old", "", map[string]any{"branch": "dev"}, labels("team", "a"))}, ""},
		"Label":     {"a label of the template's is content", []*unstructured.Unstructured{object("old", "", spec, labels("team", "b"))}, ""},
		"Mark":      {"the owner's marks are not: options had none", []*unstructured.Unstructured{object("old", "", spec, labels("team", "a", "carto.run/cluster-template-name", ""))}, "old"},
		"Prefers":   {"a digest is better than a likeness", []*unstructured.Unstructured{object("old", "", spec, labels("team", "a")), object("run", sum, spec, nil)}, "run"},
		"Nothing":   {"there are no runs", nil, ""},
	}
	desired := object("", "", spec, labels("team", "a", "carto.run/cluster-template-name", "test"))
	desired.SetGenerateName("run-")
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got := ""
			if u := lifecycle.Find(c.runs, desired, sum); u != nil {
				got = u.GetName()
			}
			if got != c.want {
				t.Errorf("%s: found %q, want %q", c.why, got, c.want)
			}
		})
	}
}

// seen reads a history, newest first: + succeeded, - failed, ? nobody knows, x failed and going.
func seen(history string) []lifecycle.Examined {
	var out []lifecycle.Examined
	for i, c := range history {
		e := lifecycle.Examined{Object: object(fmt.Sprintf("%c%d", c, i), "", nil, nil), Health: metav1.ConditionUnknown}
		// One a second, but for an = which is a success of the second of the one before it.
		second := int64(1000 - i)
		if c == '=' {
			second++
		}
		e.Object.SetCreationTimestamp(metav1.Unix(second, 0))
		switch c {
		case '+', '=':
			e.Health = metav1.ConditionTrue
		case 'x':
			now := metav1.Unix(0, 0)
			e.Object.SetDeletionTimestamp(&now)
			e.Health = metav1.ConditionFalse
		case '-':
			e.Health = metav1.ConditionFalse
		}
		out = append(out, e)
	}
	return out
}

func TestRetire(t *testing.T) {
	one := v1alpha1.RetentionPolicy{MaxFailedRuns: 1, MaxSuccessfulRuns: 1}
	cases := map[string]struct {
		why, history string
		keep         v1alpha1.RetentionPolicy
		spare        []types.UID
		want         []string
	}{
		"Few":        {"as many as are allowed stay", "+-", one, nil, nil},
		"Each":       {"successes and failures are counted apart, the newest stay", "+-+-", one, nil, []string{"+2", "-3"}},
		"Unknown":    {"one whose fate is not known stays", "+??+", one, nil, []string{"+3"}},
		"Spared":     {"what is in use stays", "-+-+", one, []types.UID{"-2", "+3"}, nil},
		"SameSecond": {"of two of a second, the one in use counts as the newer", "+=", one, []types.UID{"=1"}, []string{"+0"}},
		"Going":      {"one that is going already is neither counted nor told again", "x-x", one, nil, nil},
		"Default":    {"ten of each stay where nobody says how many", strings.Repeat("+", 11), v1alpha1.RetentionPolicy{}, nil, []string{"+10"}},
		"Failures":   {"each sort has a number of its own", "---+++", v1alpha1.RetentionPolicy{MaxFailedRuns: 2, MaxSuccessfulRuns: 3}, nil, []string{"-2"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, u := range lifecycle.Retire(seen(c.history), c.keep, c.spare...) {
				got = append(got, u.GetName())
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.why, diff)
			}
		})
	}
}

func TestNewest(t *testing.T) {
	for history, want := range map[string]string{"-?+-+": "+2", "--?": "", "": ""} {
		got := ""
		if u := lifecycle.Newest(seen(history)); u != nil {
			got = u.GetName()
		}
		if got != want {
			t.Errorf("of %q the newest healthy is %q, want %q", history, got, want)
		}
	}
}

func TestSort(t *testing.T) {
	at := func(name string, second int64) *unstructured.Unstructured {
		u := object(name, "", nil, nil)
		u.SetCreationTimestamp(metav1.Unix(second, 0))
		return u
	}
	runs := []*unstructured.Unstructured{at("b", 1), at("c", 2), at("a", 1)}
	lifecycle.Sort(runs)
	if got := runs[0].GetName() + runs[1].GetName() + runs[2].GetName(); got != "cab" {
		t.Errorf("order %q, want the newest first, then by name: cab", got)
	}
}

// The same content has the same name, so that what was made and forgotten is found again.
func ExampleName() {
	fmt.Println(lifecycle.Name("app-test-", "sha256:7e34d08d0656b493184925161965750263ffe4b176ae2eb0132ed49807dcb7d5"))
	// Output: app-test-7e34d08d
}
