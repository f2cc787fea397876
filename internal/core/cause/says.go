// SPDX-License-Identifier: Apache-2.0

package cause

import (
	"fmt"
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// said is what somebody said about an object: the API server that refused it,
// its controller in a condition, the kubelet in an event.
type said struct {
	// subject is the object as a sentence names it: Deployment web.
	subject   string
	kind      string
	namespace string
	reason    string
	message   string
	// template made the object; "" if the object was made by others.
	template string
}

// about is what an object's own controller said.
func about(u *unstructured.Unstructured, reason, message string) said {
	return said{subject: name(u), kind: u.GetKind(), namespace: u.GetNamespace(), reason: reason, message: message}
}

func name(u *unstructured.Unstructured) string {
	if u.GetName() == "" {
		return u.GetKind() + " " + u.GetGenerateName() + "…"
	}
	return u.GetKind() + " " + u.GetName()
}

// recognisers know sentences that many programs say, the most specific first.
var recognisers = []func(said) (finding, bool){
	forbidden,
	escalation,
	quota,
	quotaNeedsMore,
	podSecurity,
	policy,
	webhook,
	webhookUnreachable,
	limitRange,
	noSuchKind,
	noSuchField,
	missingAccount,
	missingKey,
	missingObject,
	terminating,
	invalid,
	fetch,
}

// hear gives the words a meaning, if they have one that is known.
func hear(s said) (finding, bool) {
	s.message = line(s.message)
	s, builder := ofBuilder(s)
	for _, r := range recognisers {
		if f, ok := r(s); ok {
			f.rank = specific
			return f, true
		}
	}
	return builder, builder.rank == specific
}

// quoted passes words on that mean nothing to us.
func quoted(s said, fix string) finding {
	f := finding{rank: failing, what: s.subject, quote: clean(s.message), fix: fix}
	if s.reason != "" {
		f.what += " reports " + s.reason
	} else if f.quote == "" {
		f.what += " failed without a word"
	}
	return f
}

// describe is the fix of last resort: where more is to be read.
func describe(u *unstructured.Unstructured) string {
	return fmt.Sprintf("see kubectl -n %s describe %s %s", u.GetNamespace(), plural(u.GroupVersionKind().Kind, u.GroupVersionKind().Group), u.GetName())
}

// plural is what kubectl takes for a kind: its singular name does as well.
func plural(kind, group string) string {
	kind = strings.ToLower(kind)
	if group == "" {
		return kind
	}
	return kind + "." + group
}

// groups matches and gives the groups of a match, short enough for a sentence.
func groups(r *regexp.Regexp, s string) []string {
	m := r.FindStringSubmatch(s)
	for i := range m {
		if i > 0 {
			m[i] = cut(mask(m[i]), 160)
		}
	}
	return m
}

// in names the place where something has to be corrected.
func (s said) in() string {
	if s.template != "" {
		return s.template
	}
	return s.subject
}
