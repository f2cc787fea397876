// SPDX-License-Identifier: Apache-2.0

package cause

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// clean makes words from outside fit for a status: one line, printable,
// without credentials and without the time of day.
func clean(s string) string { return tidy(mask(s)) }

func tidy(s string) string {
	for _, r := range volatile {
		s = r.pattern.ReplaceAllString(s, r.with)
	}
	return strings.Trim(line(s), " ;,")
}

// line joins what was said into one line of printable characters.
func line(s string) string {
	s = strings.ToValidUTF8(s, "")
	s = escapes.ReplaceAllString(s, "")
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }), " ")
}

// escapes are what terminals take for colours.
var escapes = regexp.MustCompile("\x1b\\[[0-9;?]*[A-Za-z]")

type rule struct {
	pattern *regexp.Regexp
	with    string
}

// secrets are the shapes in which credentials are printed.
var secrets = []rule{
	{regexp.MustCompile(`(?s)-----BEGIN [A-Z0-9 ]*(?:-----.*?-----END [A-Z0-9 ]*-----|.*$)`), "***"},
	{regexp.MustCompile(`([a-zA-Z][a-zA-Z0-9+.-]*://)[^\s/@'"]+@`), "$1***@"},
	// A password with a slash in it, which a port has only behind it.
	{regexp.MustCompile(`([a-zA-Z][a-zA-Z0-9+.-]*://)[^\s/@'":]*:\d*[^\s@'"/\d][^\s@'"]*@`), "$1***@"},
	{regexp.MustCompile(`([a-zA-Z][a-zA-Z0-9+.-]*://[^\s?'"]+)\?[^\s'"]+`), "$1?***"},
	{regexp.MustCompile(`(?i)(authorization\\?["']?\s*[:=]\s*\\?["']?)(?:bearer|basic|token)\s+[^\s"']+`), "$1***"},
	{regexp.MustCompile(`(?i)\b(bearer\s+)[a-z0-9._~+/=-]{16,}`), "$1***"},
	{regexp.MustCompile(`(?i)((?:password|passwd|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key(?:[_-]?id)?|private[_-]?key|credentials?|authorization|cookie)[a-z0-9_.-]*\\?["']?\s*(?:=|:)\s*)(?:\\?"[^"]*"|'[^']*'|[^\s"',;&|]+)`), "$1***"},
	{regexp.MustCompile(`(?i)(\s--?(?:password|token|secret|api-key)\s+)\S+`), "$1***"},
	{regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_.-]+`), "***"},
	{regexp.MustCompile(`\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\bgh[pousr]_[A-Za-z0-9]{16,}|\bgithub_pat_\w{16,}|\bglpat-[\w-]{16,}|\bxox[abprs]-[\w-]{10,}|\bnpm_[A-Za-z0-9]{20,}|\bdckr_pat_[\w-]{10,}|\bAIza[\w-]{20,}`), "***"},
	// Values that the API server did not take: where they stood, and why, is enough.
	{regexp.MustCompile(`Invalid value: (?:"(?:\\.|[^"\\])*"|[^":]*)(: |$)`), "Invalid value$1"},
	{regexp.MustCompile(`valueUnstructured\{Value:(?:"(?:\\.|[^"\\])*"|[^}]*)\}`), "valueUnstructured{***}"},
}

func mask(s string) string {
	for _, r := range secrets {
		s = r.pattern.ReplaceAllString(s, r.with)
	}
	return s
}

// volatile is what the same failure says anew each time.
var volatile = []rule{
	{regexp.MustCompile(`\[?\b\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?\s?(?:Z|UTC|[+-]\d\d:?\d\d)?\]?`), ""},
	{regexp.MustCompile(`(?m)^[IWEF]\d{4} \d\d:\d\d:\d\d\.\d+\s+\d+ `), ""},
	{regexp.MustCompile(`\b\d\d:\d\d:\d\d[.,]\d+\b`), ""},
	{regexp.MustCompile(`(?i)"(?:ts|time|timestamp|@timestamp)":\s?(?:"[^"]*"|[0-9.e+]+),?`), ""},
	{regexp.MustCompile(`\bback-off \S+ restarting`), "restarting"},
	{regexp.MustCompile(`\bpod=\S+`), ""},
	{regexp.MustCompile(`(?:\[[0-9a-fA-F:.%]+\]|\d+\.\d+\.\d+\.\d+):\d+->`), ""},
	{regexp.MustCompile(` ?preemption: .*`), ""},
	{regexp.MustCompile(` 0x[0-9a-f]+| \+0x[0-9a-f]+`), ""},
}

// The last words of a container.
const (
	tailLines = 3
	tailBytes = 300
)

// first words of what ended a program, after which only its stack follows.
var enders = regexp.MustCompile(`^(panic: |fatal error: |Exception in thread |Caused by: |Unhandled exception|Traceback )`)

// lastWords are the lines that tell most: the last three, or three from the
// one that says what ended the program.
func lastWords(log string) string {
	lines := linesOf(log)
	from := max(0, len(lines)-tailLines)
	for i, l := range slices.Backward(lines) {
		// A Python stack ends with what it is about.
		if enders.MatchString(l) && !strings.HasPrefix(l, "Traceback ") {
			from = min(i, from)
			break
		}
	}
	lines = lines[from:min(len(lines), from+tailLines)]
	out := strings.Join(lines, " | ")
	if len(out) > tailBytes {
		out = "…" + strings.ToValidUTF8(out[len(out)-tailBytes:], "")
		if enders.MatchString(lines[0]) {
			out = cut(strings.Join(lines, " | "), tailBytes)
		}
	}
	return out
}

// toldWords are the lines in which a compiler says what is wrong, if the last words do not quote it.
func toldWords(log string) string {
	lines := linesOf(log)
	from := firstDiagnostic(lines)
	if from < 0 || from >= len(lines)-tailLines {
		return lastWords(log)
	}
	return cut(strings.Join(lines[from:min(len(lines), from+tailLines)], " | "), tailBytes)
}

func linesOf(log string) []string {
	var lines []string
	for l := range strings.SplitSeq(mask(log), "\n") {
		if l = tidy(l); l != "" {
			lines = append(lines, l)
		}
	}
	return lines
}

// cut shortens to n bytes.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.TrimRight(strings.ToValidUTF8(s[:max(0, n-len("…"))], ""), " ;,") + "…"
}
