// SPDX-License-Identifier: Apache-2.0

package paper

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Suggest is `: did you mean "x"?`, or nothing if no candidate is near.
func Suggest(word string, among []string) string {
	if near := Nearest(word, among); near != "" {
		return fmt.Sprintf(": did you mean %q?", near)
	}
	return ""
}

// Nearest is the candidate that is most like the word, if one is like enough
// to be a slip of the hand.
func Nearest(word string, among []string) string {
	best, least := "", max(1, len(word)/5)+1
	for _, c := range among {
		if d := distance(strings.ToLower(word), strings.ToLower(c)); d < least {
			best, least = c, d
		}
	}
	return best
}

// distance counts the letters to put in, take out, change or swap.
func distance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range b {
		rows[0][j+1] = j + 1
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			d := min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d = min(d, rows[i-2][j-2]+1)
			}
			rows[i][j] = d
		}
	}
	return rows[len(a)][len(b)]
}

func keyNamed(n *yaml.Node, name string) *yaml.Node {
	if n == nil {
		return nil
	}
	for i, c := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 {
			if c.Value == name {
				return c
			}
			continue
		}
		if found := keyNamed(c, name); found != nil {
			return found
		}
	}
	return nil
}
