// SPDX-License-Identifier: Apache-2.0

package paper

import (
	"strings"

	"github.com/pmezard/go-difflib/difflib"
	"sigs.k8s.io/yaml"
)

// Diff is how one value becomes another, as lines of YAML, or of text where both
// are text; empty if they read the same.
func Diff(want, got any) string {
	text, _ := difflib.GetUnifiedDiffString(difflib.UnifiedDiff{ // it writes to memory
		A: lines(want), B: lines(got), FromFile: "expected", ToFile: "actual", Context: 3,
	})
	return text
}

func lines(v any) []string {
	text, isText := v.(string)
	if !isText {
		raw, err := yaml.Marshal(v)
		if err != nil {
			return []string{err.Error()}
		}
		text = string(raw)
	}
	if text = strings.TrimSuffix(text, "\n"); text == "" || text == "[]" {
		return nil
	}
	return difflib.SplitLines(text)
}
