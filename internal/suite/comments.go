// SPDX-License-Identifier: Apache-2.0

package suite

import (
	"regexp"
	"strings"
)

var (
	comment = regexp.MustCompile(`^\s*#([^@!]|$)`)
	block   = regexp.MustCompile(`[|>][0-9+-]*\s*(#.*)?$`)
)

// yttComments writes plain comments as ytt wants them, #! in place of #. Those
// in a block of text are its text.
func yttComments(text string) string {
	var out strings.Builder
	inside := -1 // the indentation of the line that opened a block
	for line := range strings.Lines(text) {
		bare := strings.TrimRight(line, "\r\n")
		indent := len(bare) - len(strings.TrimLeft(bare, " "))
		if inside >= 0 && strings.TrimSpace(bare) != "" && indent <= inside {
			inside = -1
		}
		switch {
		case inside >= 0:
		case comment.MatchString(bare):
			line = strings.Replace(line, "#", "#!", 1)
		case block.MatchString(bare):
			inside = indent
		}
		out.WriteString(line)
	}
	return out.String()
}
