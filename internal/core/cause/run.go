// SPDX-License-Identifier: Apache-2.0

package cause

import (
	"fmt"
	"regexp"
	"strings"

	"rhumb.run/rhumb/api/carto/v1alpha1"
)

var (
	selecting   = regexp.MustCompile(`^unable to resolve selector \[map\[(.*?)\]\], apiVersion \[[^\]]*\], kind \[([^\]]*)\]: (.*)$`)
	unsatisfied = regexp.MustCompile(`^waiting to read value from resource \[([^\]]*)\] .*? for run template \[[^\]]*\]: (.*)$`)
)

// noRun is why a Runnable has no run, or no outputs from it, where that is not
// the API server's doing.
func (e *Evidence) noRun(s *Step, reason string) (finding, bool) {
	message, who := s.Err.Error(), e.Owner+" "+e.Name
	switch reason {
	case v1alpha1.NotFoundRunTemplateReason:
		if strings.Contains(message, "not found") {
			return finding{rank: specific, what: fmt.Sprintf("%s, which %s names, does not exist", s.Template, who), fix: "create the template, or correct spec.runTemplateRef"}, true
		}
	case v1alpha1.TemplateStampFailureRunTemplateReason:
		if m := selecting.FindStringSubmatch(line(message)); m != nil {
			return e.unselected(who, strings.TrimSuffix(cut(m[2], 80)+" labelled "+cut(m[1], 160), " labelled "), m[3]), true
		}
	case v1alpha1.FailedToListCreatedObjectsRunTemplateReason:
		if f, ok := unwatched(message); ok {
			return f, true
		}
		if f, ok := hear(said{subject: who, kind: e.Owner, namespace: e.Namespace, message: message}); ok {
			return f, true
		}
		return finding{rank: failing, what: who + ": its earlier runs cannot be listed", quote: clean(innermost(s.Err)), fix: "it is tried again"}, true
	case v1alpha1.OutputPathNotSatisfiedRunTemplateReason:
		if m := groups(unsatisfied, line(message)); m != nil {
			return finding{rank: specific, what: fmt.Sprintf("%s succeeded without an output that %s wants of it", m[1], s.Template), quote: clean(m[2]), fix: "correct outputs in the template, or what the run says in its status"}, true
		}
	}
	return finding{}, false
}

// unselected is a selector that does not find the one object that it should.
func (e *Evidence) unselected(who, what, message string) finding {
	switch {
	case strings.Contains(message, "did not match any"):
		return finding{rank: specific, what: fmt.Sprintf("%s: its selector finds no %s", who, what), fix: "create or label one, or correct spec.selector"}
	case strings.Contains(message, "matched multiple"):
		return finding{rank: specific, what: fmt.Sprintf("%s: its selector finds more than one %s", who, what), fix: "make spec.selector more specific, or take the labels from the others"}
	}
	if f, ok := hear(said{subject: who, kind: e.Owner, namespace: e.Namespace, message: message}); ok {
		return f
	}
	return finding{rank: failing, what: fmt.Sprintf("%s: its selector cannot look for a %s", who, what), quote: clean(message)}
}
