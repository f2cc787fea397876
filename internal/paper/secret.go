// SPDX-License-Identifier: Apache-2.0

package paper

import (
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// hidden stands where the value of a Secret stood.
const hidden = "(secret)"

// shortest is the length below which a value gives nothing away, and taking it
// out of a text would take the text apart.
const shortest = 4

// lastApplied is where kubectl keeps the whole object once more.
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

// Hide is the object as it may be shown: a Secret without its values. Other
// objects are returned as they are.
func Hide(u *unstructured.Unstructured) *unstructured.Unstructured {
	if !isSecret(u) {
		return u
	}
	u = u.DeepCopy()
	for _, field := range []string{"data", "stringData"} {
		switch values := u.Object[field].(type) {
		case nil:
		case map[string]any:
			for key := range values {
				values[key] = hidden
			}
		default:
			u.Object[field] = hidden
		}
	}
	if annotations := u.GetAnnotations(); annotations[lastApplied] != "" {
		annotations[lastApplied] = hidden
		u.SetAnnotations(annotations)
	}
	return u
}

func isSecret(u *unstructured.Unstructured) bool {
	return u != nil && u.GetKind() == "Secret" && u.GroupVersionKind().Group == ""
}

// HideSecrets takes the values out of the set's Secrets, so that nothing made
// of it can show them.
func (s *Set) HideSecrets() {
	for i, o := range s.Others {
		s.Others[i] = Hide(o)
	}
}

// Secrets are values that a text must not show.
type Secrets struct{ values []string }

// Of takes note of an object's values, if it is a Secret.
func (s *Secrets) Of(u *unstructured.Unstructured) {
	if !isSecret(u) {
		return
	}
	for _, field := range []string{"data", "stringData"} {
		values, _ := u.Object[field].(map[string]any)
		for _, key := range slices.Sorted(maps.Keys(values)) {
			s.add(fmt.Sprint(values[key]))
		}
	}
}

// OfText takes note of the Secrets in YAML; what is no YAML has none.
func (s *Secrets) OfText(text []byte) {
	docs, err := Parse("", text)
	if err != nil {
		return
	}
	for _, d := range docs {
		s.Of(d.Object)
	}
}

// add takes note of a value, of what it is encoded as and of what it decodes
// to, and of its lines, since YAML indents them.
func (s *Secrets) add(value string) {
	forms := []string{value, base64.StdEncoding.EncodeToString([]byte(value))}
	if plain, err := base64.StdEncoding.DecodeString(value); err == nil {
		forms = append(forms, string(plain))
	}
	for _, form := range forms {
		for line := range strings.Lines(form) {
			if line = strings.TrimSpace(line); len(line) >= shortest && !slices.Contains(s.values, line) {
				s.values = append(s.values, line)
			}
		}
	}
}

// Mask is the text without the values. Each is numbered: two that differ still
// do, and a comparison comes to the same.
func (s *Secrets) Mask(text string) string {
	longest := slices.Clone(s.values) // first: a value may be a part of another
	slices.SortStableFunc(longest, func(a, b string) int { return len(b) - len(a) })
	for _, v := range longest {
		text = strings.ReplaceAll(text, v, fmt.Sprintf("(secret %d)", slices.Index(s.values, v)+1))
	}
	return text
}
