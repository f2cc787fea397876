// SPDX-License-Identifier: Apache-2.0

package render

import "fmt"

// Unreadable says of each tag in a text that cannot be parsed why not, in the
// words in which stamping would.
func Unreadable(text string) []error {
	switch n := compileString(text).(type) {
	case valueNode:
		if n.tag.err != nil {
			return []error{fmt.Errorf("evaluate tag $(%s)$: %w", n.tag.body, n.tag.err)}
		}
	case textNode:
		var out []error
		for _, p := range n {
			if p.tag != nil && p.tag.err != nil {
				out = append(out, fmt.Errorf("interpolate tag: evaluate jsonpath: %w", p.tag.err))
			}
		}
		return out
	}
	return nil
}
