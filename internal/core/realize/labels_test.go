// SPDX-License-Identifier: Apache-2.0

package realize_test

import (
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/validation"

	"rhumb.run/rhumb/internal/core/realize"
)

func TestLabelValue(t *testing.T) {
	long := strings.Repeat("a", 64)
	cases := map[string]struct{ why, name, want string }{
		"Short":   {"what fits stays", "app", "app"},
		"Fits":    {"to the last letter", long[:63], long[:63]},
		"Empty":   {"nothing is a label value", "", ""},
		"Long":    {"a head and ten digits of the digest", long, long[:52] + "-ffe054fe7a"},
		"Trimmed": {"no punctuation before the digits", strings.Repeat("a", 50) + ".-" + strings.Repeat("c", 20), strings.Repeat("a", 50) + "-b545fd356e"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got := realize.LabelValue(c.name)
			if got != c.want {
				t.Errorf("%s: %q, want %q", c.why, got, c.want)
			}
		})
	}
}

// Two names that differ only far behind never meet in a label.
func TestLabelValuesNeverMeet(t *testing.T) {
	seen := map[string]string{}
	for i := range 1000 {
		name := strings.Repeat("very-long-", 20) + fmt.Sprint(i)
		value := realize.LabelValue(name)
		if other, met := seen[value]; met {
			t.Fatalf("%s and %s are both %s", name, other, value)
		}
		seen[value] = name
	}
}

// Whatever a name, its label value is one.
func FuzzLabelValue(f *testing.F) {
	for _, seed := range []string{"app", strings.Repeat("a.", 60), strings.Repeat("-", 100), "a" + strings.Repeat("-", 100)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if len(validation.IsDNS1123Subdomain(name)) > 0 {
			return
		}
		value := realize.LabelValue(name)
		if problems := validation.IsValidLabelValue(value); len(problems) > 0 {
			t.Errorf("%q is no label value: %v", value, problems)
		}
		if again := realize.LabelValue(value); again != value {
			t.Errorf("%q becomes %q", value, again)
		}
	})
}
