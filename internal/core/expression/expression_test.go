// SPDX-License-Identifier: Apache-2.0

package expression_test

import (
	"strings"
	"testing"

	"rhumb.run/rhumb/internal/core/expression"
)

var web = expression.Pod{
	Name: "web-1", Namespace: "shop", Kind: "Deployment",
	Labels: map[string]string{"tier": "front"}, Annotations: map[string]string{"example.com/skip": "yes"},
	NamespaceLabels: map[string]string{"team": "a"},
}

func TestTrue(t *testing.T) {
	for name, c := range map[string]struct {
		why, text string
		want      bool
	}{
		"Annotation":    {"whether there is one", `'example.com/skip' in pod.annotations`, true},
		"NoAnnotation":  {"a key that is not there is no fault", `'example.com/other' in pod.annotations`, false},
		"Label":         {"a label like a field", `pod.labels.tier == 'front'`, true},
		"Not":           {"and its opposite", `pod.labels.tier != 'front'`, false},
		"Optional":      {"what may not be there is guarded", `'a' in pod.labels && pod.labels.a == 'b'`, false},
		"Has":           {"CEL's own guard, where the key is a word", `has(pod.labels.tier) && !has(pod.labels.other)`, true},
		"Namespace":     {"labels of the namespace", `pod.namespaceLabels.team in ['a', 'b']`, true},
		"Names":         {"names", `pod.namespace == 'shop' && pod.name.startsWith('web-')`, true},
		"Kind":          {"what made it", `pod.kind in ['Deployment', 'StatefulSet']`, true},
		"Words":         {"functions of text", `pod.name.split('-')[1] == '1'`, true},
		"AlwaysTheSame": {"a constant is a condition", `true`, true},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := expression.Parse(c.text)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := e.True(web); err != nil || got != c.want {
				t.Errorf("%s: %v, %v, want %v", c.why, got, err, c.want)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	for name, c := range map[string]struct{ why, text, want string }{
		"Syntax":   {"where it stops", `pod.labels.tier == `, "column 20"},
		"Misspelt": {"a field that there is not is found before any pod is", `pod.lables.tier == 'a'`, "undefined field 'lables'"},
		"Variable": {"nor is there anything but pod", `request.user == 'a'`, "undeclared reference to 'request'"},
		"Type":     {"a condition is true or false", `pod.name`, "it is a string, and has to be a condition"},
		"Has":      {"has() takes no key in brackets: what does is said", `!has(pod.annotations['a/b'])`, "'example.com/skip' in pod.annotations"},
		"Empty":    {"nothing is no condition", ``, "column 1"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := expression.Parse(c.text)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("%s: %v, want %q in it", c.why, err, c.want)
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("more than a line: %q", err)
			}
		})
	}
}

// TestDoubt: what cannot be evaluated is neither true nor false.
func TestDoubt(t *testing.T) {
	for name, text := range map[string]string{
		"NoKey":  `pod.labels.other == 'a'`,
		"Costly": `pod.labels.map(a, pod.labels.map(b, a + b)).all(x, [1,2,3,4,5,6,7,8,9].all(i, [1,2,3,4,5,6,7,8,9].all(j, [1,2,3,4,5,6,7,8,9].all(k, [1,2,3,4,5,6,7,8,9].all(l, [1,2,3,4,5,6,7,8,9].all(m, i + j + k + l + m > 0))))))`,
	} {
		t.Run(name, func(t *testing.T) {
			e, err := expression.Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := e.True(web); err == nil || got {
				t.Errorf("%v, %v", got, err)
			}
		})
	}
}

func BenchmarkTrue(b *testing.B) {
	e, err := expression.Parse(`!('example.com/other' in pod.annotations) && pod.namespaceLabels.team == 'a'`)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if ok, err := e.True(web); err != nil || !ok {
			b.Fatal(ok, err)
		}
	}
}
