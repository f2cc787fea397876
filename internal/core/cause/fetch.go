// SPDX-License-Identifier: Apache-2.0

package cause

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// How a git server or a registry says no, in the words of go-git, libgit2,
// OpenSSH, containerd, go-containerregistry and ourselves.
var fetches = []struct {
	pattern *regexp.Regexp
	reasons []string
	says    string
	fix     func(said) string
}{
	{
		regexp.MustCompile(`(?i)too ?many ?requests|\b429\b|toomanyrequests|rate limit|asked for fewer requests`),
		[]string{"Throttled"},
		"is throttled by", func(said) string { return "log in with an account, or look less often" },
	},
	{
		regexp.MustCompile(`(?i)certificate signed by unknown authority|x509: |tls: |its certificate|certificate verify failed|server gave HTTP response to HTTPS client|does not speak TLS|speaks HTTP, not HTTPS|knownhosts: |host key`),
		nil, "finds no trust in", trust,
	},
	{
		regexp.MustCompile(`(?i)\bunauthori[sz]ed\b|authentication required|authorization failed|\b401\b|\b403\b|\bdenied\b|insufficient_scope|authentication failed|authentication is required|invalid credentials|permission denied|could not read Username|unable to authenticate`),
		[]string{"Unauthorized", "AuthenticationFailed", "SecretInvalid"},
		"is not let in by", credentials,
	},
	{
		regexp.MustCompile(`(?i)no such host|server misbehaving|name or service not known|could not resolve host|connection refused|i/o timeout|connection reset|no route to host|network is unreachable|deadline exceeded|no answer in time|TLS handshake timeout|connection timed out|\bEOF\b|bad gateway|service unavailable|gateway timeout`),
		[]string{"Unreachable"},
		"cannot reach", func(said) string {
			return "check the address, DNS, the network policies and that the server is up"
		},
	},
	{
		regexp.MustCompile(`(?i)MANIFEST_UNKNOWN|NAME_UNKNOWN|manifest unknown|name unknown|repository not found|couldn't find remote ref|reference not found|remote branch .* not found|object not found|does not appear to be a git repository|repository does not exist|\b404\b|: not found`),
		[]string{"NotFound"},
		"does not find what it wants at", func(s said) string {
			return "correct the name, branch or tag" + inObject(s) + ", or push it"
		},
	},
}

// fetching are the kinds whose words about the network are about what they fetch.
var fetching = map[string]bool{
	"GitRepository": true, "OCIRepository": true, "HelmRepository": true, "HelmChart": true, "Bucket": true,
	"ImageRepository": true, "Image": true, "Build": true, "Builder": true, "ClusterBuilder": true, "SourceResolver": true,
	"Pod": true, "App": true, "ImageUpdateAutomation": true, "TaskRun": true, "Revision": true, "Service": true,
}

// fetch is about servers that hold source and images.
func fetch(s said) (finding, bool) {
	if !fetching[s.kind] {
		return finding{}, false
	}
	for _, f := range fetches {
		if !f.pattern.MatchString(s.message) && !slices.Contains(f.reasons, s.reason) {
			continue
		}
		place, known := address(s)
		if !known {
			place = "the server"
			if s.kind == "GitRepository" {
				place = "the git server"
			}
		}
		quote, fix, both := strings.Cut(s.message, "; ")
		if !both || s.kind != "ImageRepository" {
			// Our own messages end with what helps; others' do not.
			quote, fix = s.message, f.fix(s)
		}
		if s.kind == "ImageRepository" {
			quote = resolving.ReplaceAllString(quote, "")
		}
		return finding{
			what:  fmt.Sprintf("%s %s %s", s.subject, f.says, place),
			quote: clean(quote),
			fix:   clean(fix + afterBuild(s.message)),
		}, true
	}
	return finding{}, false
}

var (
	// resolving is said already by then.
	resolving = regexp.MustCompile(`^unable to resolve image "[^"]*": `)
	imageName = regexp.MustCompile(`(?:image|reference) "([^"\s]+)"`)
	accessTo  = regexp.MustCompile(`access (?:of|to|for)(?: run image)? "?([^"\s]+/[^"\s]+?)"?:? `)
	addresses = []*regexp.Regexp{regexp.MustCompile(`((?:https?|ssh|git)://[^\s'"]+)`), imageName, accessTo, regexp.MustCompile(`lookup ([a-zA-Z0-9.-]+)`)}
)

// address is what was to be fetched, without user, query and fragment.
func address(s said) (string, bool) {
	tries := addresses
	if s.kind == "ImageRepository" {
		// The URL that was tried may be a mirror's.
		tries = append([]*regexp.Regexp{imageName}, addresses...)
	}
	for _, r := range tries {
		m := groups(r, s.message)
		if m == nil {
			continue
		}
		u, err := url.Parse(strings.TrimRight(m[1], ":,;."))
		if err != nil || u.Host == "" {
			return m[1], true
		}
		return u.Scheme + "://" + u.Host + u.Path, true
	}
	return "", false
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// credentials says where a kind takes its login from.
func credentials(s said) string {
	switch s.kind {
	case "GitRepository", "OCIRepository", "HelmRepository", "Bucket":
		return "check the address, and the Secret that spec.secretRef" + inObject(s) + " names: it must exist and be allowed to read"
	case "Image", "Build", "Builder", "ClusterBuilder", "SourceResolver":
		return "add a Secret that may read and push to the service account" + inObject(s)
	case "ImageRepository":
		if s.reason == "SecretInvalid" {
			return "make the Secret anew with kubectl create secret docker-registry"
		}
		return "add a pull secret that may read it to spec.imagePullSecrets or the service account"
	}
	return "check the name, and add a pull secret that may read it to the pod's imagePullSecrets or its service account"
}

func trust(s said) string {
	if s.kind == "GitRepository" {
		return "add the server's CA (caFile), or known_hosts for SSH, to the Secret in spec.secretRef"
	}
	return "give whoever fetches the server's CA, or correct the address"
}

func inObject(s said) string { return " of " + s.subject }
