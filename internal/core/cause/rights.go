// SPDX-License-Identifier: Apache-2.0

package cause

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

var (
	cannot  = regexp.MustCompile(`User "([^"]+)" cannot (\S+) resource "([^"]+)" in API group "([^"]*)"(?: in the namespace "([^"]+)")?`)
	raising = regexp.MustCompile(`user "([^"]+)" .*is attempting to grant RBAC permissions not currently held:\s*(.*)`)
)

// forbidden names the verb, the resource and the account, and grants just that.
func forbidden(s said) (finding, bool) {
	m := groups(cannot, s.message)
	if m == nil {
		return finding{}, false
	}
	user, verb, resource, group, namespace := m[1], m[2], m[3], m[4], m[5]
	full := resource
	if group != "" {
		// Where a subresource is meant, the group stands before the slash.
		plain, sub, is := strings.Cut(resource, "/")
		full = plain + "." + group
		if is {
			full += "/" + sub
		}
	}
	verbs := verb
	if s.template != "" && slices.Contains(stamping, verb) {
		// Who stamps needs them all sooner or later: ask for them once.
		verbs = strings.Join(stamping, ",")
	}
	where, scope := "in the whole cluster", "cluster"
	if namespace != "" {
		where, scope = "in namespace "+namespace, ""
	}
	f := finding{
		what: fmt.Sprintf("%s: %s may not %s %s %s", s.subject, person(user), verb, full, where),
		fix:  fmt.Sprintf("grant it with %s", grant(user, verbs, full, namespace, scope)),
	}
	if len(f.what)+len(f.fix) > maxSentence-10 {
		f.fix = fmt.Sprintf("add to a role of its: {apiGroups: [%q], resources: [%q], verbs: [%s]}", group, resource, verbs)
	}
	return f, true
}

// stamping is what an account needs of each kind that it stamps.
var stamping = []string{"get", "create", "patch", "delete"}

const accountPrefix = "system:serviceaccount:"

func person(user string) string {
	if account, ok := strings.CutPrefix(user, accountPrefix); ok {
		return "service account " + strings.Replace(account, ":", "/", 1)
	}
	return "user " + user
}

// grant is a command that can be pasted.
func grant(user, verbs, resource, namespace, scope string) string {
	plain, _, _ := strings.Cut(resource, "/")
	role := "rhumb-" + plain
	subject := "--user=" + user
	if account, ok := strings.CutPrefix(user, accountPrefix); ok {
		subject = "--serviceaccount=" + account
		if _, short, ok := strings.Cut(account, ":"); ok {
			role = short + "-" + plain
		}
	}
	if namespace != "" {
		namespace = " -n " + namespace
	}
	return fmt.Sprintf("kubectl create%[1]s %[2]srole %[3]s --verb=%[4]s --resource=%[5]s && kubectl create%[1]s %[2]srolebinding %[3]s --%[2]srole=%[3]s %[6]s",
		namespace, scope, role, verbs, resource, subject)
}

// escalation is an account that stamps a role which may do more than itself.
func escalation(s said) (finding, bool) {
	m := groups(raising, s.message)
	if m == nil {
		return finding{}, false
	}
	return finding{
		what:  fmt.Sprintf("%s: %s may not grant rights that it does not have", s.subject, person(m[1])),
		quote: m[2],
		fix:   "give the account these rights itself, or the verb escalate on roles",
	}, true
}
