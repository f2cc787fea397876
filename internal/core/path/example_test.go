// SPDX-License-Identifier: Apache-2.0

package path_test

import (
	"fmt"

	"rhumb.run/rhumb/internal/core/path"
)

// Braces and the leading dot may be left out; anything but exactly one value is an error.
func ExampleParse() {
	run := map[string]any{"status": map[string]any{"conditions": []any{
		map[string]any{"type": "Succeeded", "status": "True"},
	}}}
	for _, expr := range []string{`status.conditions[?(@.type=="Succeeded")].status`, "{.status.conditions[0].type}", "status.results"} {
		p, err := path.Parse(expr)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(p.Value(run))
	}
	// Output:
	// True <nil>
	// Succeeded <nil>
	// <nil> jsonpath returned empty list: status.results
}
