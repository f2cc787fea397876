// SPDX-License-Identifier: Apache-2.0

package cause

import (
	"fmt"
	"regexp"
	"strings"
)

// What the API server refuses, and in whose name.
var (
	overQuota   = regexp.MustCompile(`exceeded quota: ([^,]+), requested: (.*?), used: (.*?), limited: (\S+)`)
	underQuota  = regexp.MustCompile(`failed quota: ([^:]+): must specify ([^"]+)`)
	insecure    = regexp.MustCompile(`violates PodSecurity "([^"]+)": (.*)`)
	policySaid  = regexp.MustCompile(`(?:ValidatingAdmissionPolicy|MutatingAdmissionPolicy|policy) ['"]([^'"]+)['"](?: with binding ['"]([^'"]+)['"])? denied request: (.*)`)
	webhookSaid = regexp.MustCompile(`admission webhook "([^"]+)" denied the request(?: without explanation)?(?:: (.*))?`)
	webhookGone = regexp.MustCompile(`failed calling webhook "([^"]+)": (?:failed to call webhook: )?(?:Post "([^"]+)": )?(.*)`)
	outOfRange  = regexp.MustCompile(`((?:maximum|minimum) \S+ usage per (?:Container|Pod|PersistentVolumeClaim) is [^,\]]+, but (?:limit|request) (?:is [^.,\]]+|is not specified|[^,\]]+))`)
	dying       = regexp.MustCompile(`because it is being terminated`)
	refusedAs   = regexp.MustCompile(`(?:^|: )(?:\S+ )?"?[^"\s]*"? is invalid: (.*)`)
	kindUnknown = regexp.MustCompile(`no matches for kind "([^"]+)" in (?:version|group) "([^"]*)"`)
	fieldGone   = regexp.MustCompile(`(\.[^\s:]+): field not declared in schema`)
	undecodable = regexp.MustCompile(`in version "[^"]+" cannot be handled as an? \S+: (.*)`)
	typeClash   = regexp.MustCompile(`(?:failed to create typed patch object|failed to convert).*?: ((?:errors:)?\s*\.?\S+: expected .*|unable to convert .*|illegal base64 .*|.*)`)
)

func quota(s said) (finding, bool) {
	m := groups(overQuota, s.message)
	if m == nil {
		return finding{}, false
	}
	return finding{
		what: fmt.Sprintf("%s: it does not fit into ResourceQuota %s: it asks for %s, %s is used of %s", s.subject, m[1], m[2], m[3], m[4]),
		fix:  "ask for less, free some, or raise the quota" + inNamespace(s),
	}, true
}

func inNamespace(s said) string {
	if s.namespace == "" {
		return ""
	}
	return " in namespace " + s.namespace
}

func quotaNeedsMore(s said) (finding, bool) {
	m := groups(underQuota, s.message)
	if m == nil {
		return finding{}, false
	}
	return finding{
		what: fmt.Sprintf("%s: ResourceQuota %s wants every container to specify %s", s.subject, m[1], m[2]),
		fix:  "set it in " + s.in() + ", or give the namespace a LimitRange with defaults",
	}, true
}

func podSecurity(s said) (finding, bool) {
	m := groups(insecure, s.message)
	if m == nil {
		return finding{}, false
	}
	return finding{
		what:  fmt.Sprintf("%s: its pods violate the namespace's PodSecurity %q", s.subject, m[1]),
		quote: clean(m[2]),
		fix:   "set the securityContext in " + s.in() + ", or relax the label pod-security.kubernetes.io/enforce of the namespace",
	}, true
}

func policy(s said) (finding, bool) {
	m := groups(policySaid, s.message)
	if m == nil {
		return finding{}, false
	}
	by := "admission policy " + m[1]
	if m[2] != "" {
		by += " (binding " + m[2] + ")"
	}
	return finding{
		what:  s.subject + ": " + by + " denied it",
		quote: clean(m[3]),
		fix:   "change " + s.in() + " so that it complies, or ask whoever owns the policy",
	}, true
}

func webhook(s said) (finding, bool) {
	m := groups(webhookSaid, s.message)
	if m == nil {
		return finding{}, false
	}
	return finding{
		what:  fmt.Sprintf("%s: admission webhook %s denied it", s.subject, m[1]),
		quote: clean(m[2]),
		fix:   "change " + s.in() + " so that it complies, or ask whoever owns the webhook",
	}, true
}

func webhookUnreachable(s said) (finding, bool) {
	m := groups(webhookGone, s.message)
	if m == nil {
		return finding{}, false
	}
	service := "the service behind it"
	if host := hostOf(m[2]); host != "" {
		service = "service " + strings.TrimSuffix(host, ".svc")
	}
	return finding{
		what:  fmt.Sprintf("%s: admission webhook %s could not be asked", s.subject, m[1]),
		quote: clean(m[3]),
		fix:   "bring " + service + " up; nothing of this kind can be written until then",
	}, true
}

func limitRange(s said) (finding, bool) {
	m := groups(outOfRange, s.message)
	if m == nil {
		return finding{}, false
	}
	return finding{
		what: fmt.Sprintf("%s: a LimitRange%s refuses it: %s", s.subject, inNamespace(s), m[1]),
		fix:  "change the resources in " + s.in() + ", or the LimitRange",
	}, true
}

func terminating(s said) (finding, bool) {
	if !dying.MatchString(s.message) {
		return finding{}, false
	}
	return finding{
		what: s.subject + ": its namespace is being deleted, and nothing new can be made there",
		fix:  "use another namespace",
	}, true
}

// noSuchKind names who would bring the kind, where that is known.
func noSuchKind(s said) (finding, bool) {
	m := groups(kindUnknown, s.message)
	if m == nil {
		return finding{}, false
	}
	group, _, _ := strings.Cut(m[2], "/")
	fix := "install what defines it"
	if by := broughtBy(group); by != "" {
		fix = "install " + by
	}
	return finding{
		what: fmt.Sprintf("%s: this cluster has no kind %s of %s", s.subject, m[1], m[2]),
		fix:  fix + ", or correct apiVersion and kind in " + s.in(),
	}, true
}

func noSuchField(s said) (finding, bool) {
	m := groups(fieldGone, s.message)
	if m == nil {
		return finding{}, false
	}
	return finding{
		what: fmt.Sprintf("%s: its kind has no field %s", s.subject, m[1]),
		fix:  "correct it in " + s.in(),
	}, true
}

func invalid(s said) (finding, bool) {
	for _, r := range []*regexp.Regexp{refusedAs, undecodable, typeClash} {
		if m := groups(r, s.message); m != nil {
			return finding{
				what:  s.subject + ": the API server finds it invalid",
				quote: clean(m[1]),
				fix:   "correct it in " + s.in(),
			}, true
		}
	}
	return finding{}, false
}

// broughtBy is the project that defines a group's kinds.
func broughtBy(group string) string {
	for suffix, project := range map[string]string{
		"toolkit.fluxcd.io":            "Flux",
		"kpack.io":                     "kpack",
		"tekton.dev":                   "Tekton Pipelines",
		"knative.dev":                  "Knative Serving",
		"kappctrl.k14s.io":             "kapp-controller",
		"argoproj.io":                  "Argo",
		"cert-manager.io":              "cert-manager",
		"servicebinding.io":            "a Service Binding implementation",
		"gateway.networking.k8s.io":    "the Gateway API",
		"carto.run":                    "Rhumb's definitions (config/crd)",
		"source.apps.tanzu.vmware.com": "Rhumb's definitions (config/crd)",
	} {
		if group == suffix || strings.HasSuffix(group, "."+suffix) {
			return project
		}
	}
	return ""
}
