// SPDX-License-Identifier: Apache-2.0

package cause

import (
	"fmt"
	"regexp"
	"strings"
)

// What is referred to and is not there.
var (
	noAccount = regexp.MustCompile(`(?:error looking up service account ([^/\s]+)/([^\s:]+):|(?i:serviceaccounts?) "([^"]+)" (?:not found|is not there))`)
	noKey     = regexp.MustCompile(`(?:couldn't find key (\S+) in (Secret|ConfigMap) (?:\S+/)?([^\s,]+)|references non-existent (?:secret|config) key: (\S+))`)
	noObject  = regexp.MustCompile(`(?i)(?:\b(secret|configmap|persistentvolumeclaim|builder|clusterbuilder|service|pipeline|task)s?(?:\.[a-z0-9.-]+)?|\b([a-z]+(?:\.[a-z0-9-]+)+)) ['"]([^'"]+)['"] (?:not found|is not there)`)
	noSecret  = regexp.MustCompile(`(?i)failed to get secret '([^']+)'`)
	noBuilder = regexp.MustCompile(`Unable to find builder '?([^\s']+?)'?(?: in namespace '([^']*)')?\.?$`)
)

func missingAccount(s said) (finding, bool) {
	m := groups(noAccount, s.message)
	if m == nil {
		return finding{}, false
	}
	account := m[2] + m[3]
	create := "kubectl create serviceaccount " + account
	if s.namespace != "" {
		create += " -n " + s.namespace
	}
	return finding{
		what: fmt.Sprintf("%s: ServiceAccount %s does not exist%s", s.subject, account, inNamespace(s)),
		fix:  "create it with " + create + ", or name another in " + s.in(),
	}, true
}

func missingKey(s said) (finding, bool) {
	m := groups(noKey, s.message)
	if m == nil {
		return finding{}, false
	}
	if m[4] != "" {
		return finding{
			what: fmt.Sprintf("%s: a volume's Secret or ConfigMap has no key %s", s.subject, m[4]),
			fix:  "add the key, or correct the volume in " + s.in(),
		}, true
	}
	return finding{
		what: fmt.Sprintf("%s: %s %s has no key %s", s.subject, m[2], m[3], m[1]),
		fix:  "add the key, or correct it in " + s.in(),
	}, true
}

// kinds by the resource that a not-found error names.
var kinds = map[string]string{
	"secret": "Secret", "configmap": "ConfigMap", "persistentvolumeclaim": "PersistentVolumeClaim",
	"builder": "Builder", "clusterbuilder": "ClusterBuilder", "service": "Service", "pipeline": "Pipeline", "task": "Task",
}

func missingObject(s said) (finding, bool) {
	kind, object, where := "", "", inNamespace(s)
	if m := groups(noObject, s.message); m != nil {
		kind, object = kinds[strings.ToLower(m[1])], m[3]
		if kind == "" {
			kind = m[2]
		}
	} else if m := groups(noSecret, s.message); m != nil && strings.Contains(s.message, "not found") {
		kind, object = "Secret", m[1][strings.LastIndex(m[1], "/")+1:]
	} else if m := groups(noBuilder, s.message); m != nil {
		kind, object = "Builder", m[1]
		if strings.Contains(s.message, "in namespace ''") { // one of the cluster
			kind, where = "ClusterBuilder", ""
		}
	} else {
		return finding{}, false
	}
	return finding{
		what: fmt.Sprintf("%s: %s %s does not exist%s", s.subject, kind, object, where),
		fix:  "create it, or correct the name in " + s.in(),
	}, true
}
