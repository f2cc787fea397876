// SPDX-License-Identifier: Apache-2.0

package bars

import (
	"strings"
	"testing"
)

func TestTable(t *testing.T) {
	got := Table([]Bar{{What: "a", Got: 1, Format: "%.0f", Most: 2}, {What: "b", Got: 1, Format: "%.0f", Most: 2, AtLeast: true, Evidence: "x"}})
	for _, want := range []string{"| a | 1 | ≤ 2 | met |  |", "| b | 1 | ≥ 2 | **missed** | x |"} {
		if !strings.Contains(got, want) {
			t.Errorf("want %q in\n%s", want, got)
		}
	}
}
