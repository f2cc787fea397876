// SPDX-License-Identifier: Apache-2.0

package cause

import (
	"regexp"
	"strings"
)

// Bounds of a sentence and its parts, in bytes.
const (
	maxSentence = 500
	maxWhat     = 260
	minQuote    = 60
)

// Sentence words the verdict. If the previous one said the same but for what
// changes by itself in words from outside, it stays as it is.
func (v Verdict) Sentence(previous string) string {
	if v.what == "" {
		return ""
	}
	head, tail := cut(v.what, maxWhat), ""
	if v.fix != "" {
		tail = "; " + v.fix
	}
	if room := maxSentence - len(head) - len("; "); len(tail) > room {
		tail = cut(tail, room)
	}
	if v.quote == "" {
		return head + tail
	}
	room := maxSentence - len(head) - len(tail) - len(": ")
	if room < minQuote {
		return head + tail
	}
	now := head + ": " + cut(v.quote, room) + tail
	was, ok := strings.CutPrefix(previous, head+": ")
	if ok && strings.HasSuffix(was, tail) && loose(previous) == loose(now) {
		return previous
	}
	return now
}

// Empty is true if no reason is known.
func (v Verdict) Empty() bool { return v.what == "" }

// changing is what differs between two tellings of the same: numbers, hashes,
// and the random ends of names.
var changing = regexp.MustCompile(`-[a-z0-9]{5}\b|[0-9a-fA-F]*[0-9][0-9a-fA-F]*`)

func loose(s string) string { return changing.ReplaceAllString(s, "#") }
