// SPDX-License-Identifier: Apache-2.0

package runnable

import (
	"cmp"
	"encoding/base64"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// leastHidden is the length from which a value is taken for a secret: a word
// like "no" would be hidden in every sentence.
const leastHidden = 4

// secrets are the texts in a selected Secret, as they are stored and as they
// are meant, longest first. Who may read a Runnable may not read what it
// selects, and the API server quotes the values that it refuses.
func secrets(selected map[string]any) []string {
	if selected["kind"] != "Secret" || selected["apiVersion"] != "v1" {
		return nil
	}
	var out []string
	add := func(text string) {
		if len(text) >= leastHidden {
			out = append(out, text)
		}
	}
	data, _, _ := unstructured.NestedMap(selected, "data")
	for _, value := range data {
		coded, _ := value.(string)
		add(coded)
		plain, err := base64.StdEncoding.DecodeString(coded)
		if err != nil {
			continue
		}
		add(string(plain))
		for line := range strings.Lines(string(plain)) {
			add(strings.TrimSpace(line))
		}
	}
	slices.SortFunc(out, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b)) })
	return slices.Compact(out)
}

// Hide takes what the selected Secret holds out of a text for people.
func (f *Facts) Hide(text string) string {
	for _, secret := range f.secrets {
		text = strings.ReplaceAll(text, secret, "***")
	}
	return text
}

// hide does so with an error, which stays what it is otherwise.
func (f *Facts) hide(err error) error {
	if err == nil || f.Hide(err.Error()) == err.Error() {
		return err
	}
	return &hidden{f.Hide(err.Error()), err}
}

type hidden struct {
	text string
	err  error
}

func (h *hidden) Error() string { return h.text }
func (h *hidden) Unwrap() error { return h.err }
