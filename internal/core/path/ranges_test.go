// SPDX-License-Identifier: Apache-2.0

package path

import "testing"

// Only a walker that may be left in the middle of its nodes is thrown away: the others are used again.
func TestRanges(t *testing.T) {
	for expr, want := range map[string]bool{
		"{.a.b}":                    false,
		`{.a[?(@.range=="x")].end}`: false,
		"{.range}":                  false,
		"{range .a[*]}{.b}{end}":    true,
		"{.x}{range .a[*]}{end}":    true,
		"{end}":                     true,
	} {
		if got := ranges(expr); got != want {
			t.Errorf("ranges(%s) = %v, want %v", expr, got, want)
		}
	}
}
