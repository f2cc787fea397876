// SPDX-License-Identifier: Apache-2.0

package admit

import (
	"regexp"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"rhumb.run/rhumb/api/rhumb/v1alpha1"
)

// ImageClonePolicy says what cannot be followed in a policy, in the words of its definition: for files, and for objects
// that came in before there was a rule.
func ImageClonePolicy(p *v1alpha1.ImageClonePolicy) []Problem {
	f := &finder{}
	s := &p.Spec
	checkMatch(f, spec.to("match"), &s.Match)
	checkTarget(f, spec.to("target"), &s.Target)
	checkSources(f, spec.to("sources"), s.Sources)
	checkCopy(f, spec.to("copy"), &s.Copy)
	shorter(f, spec.to("refresh", "interval"), s.Refresh.Interval, time.Minute,
		"interval must be a duration of at least 1m, such as 6h")
	shorter(f, spec.to("cleanup", "retention"), s.Cleanup.Retention, 0,
		"retention must be a duration that is not negative, such as 168h")
	return f.problems
}

func checkMatch(f *finder, at Path, m *v1alpha1.ImageCloneMatch) {
	checkSelector(f, at, "namespaceSelector", m.NamespaceSelector)
	checkSelector(f, at, "podSelector", m.PodSelector)
	checkGlobs(f, at.to("images", "include"), m.Images.Include)
	checkGlobs(f, at.to("images", "exclude"), m.Images.Exclude)
}

// checkSelector: the syntax of labels is no rule of the definition; one that is wrong selects nothing, for ever.
func checkSelector(f *finder, at Path, field string, s *metav1.LabelSelector) {
	if _, err := metav1.LabelSelectorAsSelector(s); err != nil {
		f.refuse(at.to(field), "%s is not valid: %v", field, err)
	}
}

var globRE = regexp.MustCompile(`^[A-Za-z0-9._/:@*?-]*$`)

func checkGlobs(f *finder, at Path, globs []v1alpha1.ImageGlob) {
	for i, g := range globs {
		switch s := string(g); {
		case !globRE.MatchString(s):
			f.refuse(at.to(i), "an image glob has letters, digits, . _ - / : @ and the wildcards * ** ?, and nothing else: "+
				"write it without brackets, braces and blanks")
		case strings.Contains(s, "***"):
			f.refuse(at.to(i), "an image glob has no ***: write ** for anything, * for anything but a slash")
		case strings.Contains(s, "//"):
			f.refuse(at.to(i), "an image glob is a name, not a URL: write it without a scheme, and with single slashes")
		}
	}
}

const hostPort = `([a-zA-Z0-9]([a-zA-Z0-9.-]*[a-zA-Z0-9])?|\[[0-9a-fA-F:.]+\])(:[0-9]{1,5})?`

var (
	hostRE     = regexp.MustCompile(`^` + hostPort + `$`)
	pullNameRE = regexp.MustCompile(`^` + hostPort + `(/[a-z0-9]+([._-]+[a-z0-9]+)*)*$`)
	tagRE      = regexp.MustCompile(`/.*:`)
	templateRE = regexp.MustCompile(`^[a-z0-9._/{}-]*\{(path|hash)\}[a-z0-9._/{}-]*$`)
	isHostRE   = regexp.MustCompile(`^([^/]*[.:]|localhost($|/))`)
)

func checkTarget(f *finder, at Path, t *v1alpha1.ImageCloneTarget) {
	pullName := at.to("pullName")
	switch s := t.PullName; {
	case s == "": // the schema's
	case strings.Contains(s, "://"):
		f.refuse(pullName, "pullName takes no scheme: write host[:port][/path], and insecure: true for plain HTTP")
	case strings.Contains(s, "@"):
		f.refuse(pullName, "pullName takes no digest: write host[:port][/path]; copies have the digests of their images")
	case tagRE.MatchString(s):
		f.refuse(pullName, "pullName takes no tag: write host[:port][/path]; copies have the tags of their images")
	case !pullNameRE.MatchString(s):
		f.refuse(pullName, "pullName is host[:port][/path], such as registry.example.com:5000/mirror: "+
			"the path in small letters, without a slash at its end")
	case !isHostRE.MatchString(s):
		f.refuse(pullName, "pullName begins with a host, which has a dot or a port: anything else would be a name on Docker Hub")
	}
	if t.PushEndpoint != "" && !hostRE.MatchString(t.PushEndpoint) {
		f.refuse(at.to("pushEndpoint"), "pushEndpoint is host[:port], such as registry.internal:5000: "+
			"without a scheme, and without a path, which is that of pullName")
	}
	if (t.Template != "") != (t.Naming == v1alpha1.NamingTemplate) {
		f.refuse(at, "template goes with naming: Template, and naming: Template with a template such as {host}/{path}")
	}
	if t.Template != "" && !templateRE.MatchString(t.Template) {
		f.refuse(at.to("template"), "template has small letters, digits, . _ - / and {host}, {path} and {hash}, "+
			"of which one of the last two has to be there: {host}/{path}")
	}
	checkAuth(f, at.to("push", "auth"), t.Push.Auth)
	checkAuthorities(f, at, t.CASecretRef)
	if t.Pull.Auth != nil {
		checkSecret(f, at.to("pull", "auth", "secretRef"), t.Pull.Auth.SecretRef.Name)
	}
	if t.Pull.Inject && t.Pull.Auth == nil {
		f.refuse(at.to("pull"), "inject needs auth.secretRef: name the Secret that is to be copied to the namespaces")
	}
}

var secretRE = regexp.MustCompile(`^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$`)

func checkSecret(f *finder, at Path, name string) {
	if name != "" && !secretRE.MatchString(name) {
		f.refuse(at.to("name"), "a Secret's name has small letters, digits, - and ., and begins and ends with a letter or digit")
	}
}

func checkAuthorities(f *finder, at Path, ref *v1alpha1.CASecretReference) {
	if ref != nil {
		checkSecret(f, at.to("caSecretRef"), ref.Name)
	}
}

func checkAuth(f *finder, at Path, a *v1alpha1.RegistryAuth) {
	if a != nil && a.SecretRef != nil {
		checkSecret(f, at.to("secretRef"), a.SecretRef.Name)
	}
	switch {
	case a == nil:
	case a.SecretRef != nil && a.Provider != "":
		f.refuse(at, "auth has both secretRef and provider: keep the one that is meant")
	case a.SecretRef == nil && a.Provider == "":
		f.refuse(at, "auth has neither secretRef nor provider: name one, or leave auth out for the controller's own credentials")
	}
}

// anyInsecure: credentials of registries that nobody named would be sent for everyone to read.
const anyInsecure = "insecure is for a registry that is named: write an entry for each one that speaks plain HTTP"

func checkSources(f *finder, at Path, sources []v1alpha1.ImageCloneSource) {
	seen := map[string]bool{}
	for i, s := range sources {
		if s.Host != "*" && s.Host != "" && !hostRE.MatchString(s.Host) {
			f.refuse(at.to(i, "host"), "host is host[:port] as images name it, or * for all others: without a scheme and without a path")
		}
		if s.Host == "*" && s.Insecure {
			f.refuse(at.to(i, "insecure"), anyInsecure)
		}
		if seen[s.Host] {
			f.refuse(at.to(i), "Duplicate value: %q has an entry already: write one a host", s.Host)
		}
		seen[s.Host] = true
		checkAuth(f, at.to(i, "auth"), s.Auth)
		checkAuthorities(f, at.to(i), s.CASecretRef)
	}
}

var platformRE = regexp.MustCompile(`^[a-z0-9]+/[a-z0-9_]+(/[a-z0-9]+)?$`)

func checkCopy(f *finder, at Path, c *v1alpha1.ImageCloneCopy) {
	for i, p := range c.Platforms {
		if !platformRE.MatchString(string(p)) {
			f.refuse(at.to("platforms", i),
				"a platform is os/architecture[/variant], such as linux/amd64 or linux/arm/v7; leave platforms out for all")
		}
	}
	if c.Sparse && len(c.Platforms) == 0 {
		f.refuse(at, "sparse needs platforms: without them every platform is copied")
	}
	shorter(f, at.to("timeoutPerImage"), c.TimeoutPerImage, time.Second,
		"timeoutPerImage must be a duration of at least 1s, such as 30m")
	if c.MaxSize != nil && c.MaxSize.Sign() < 0 {
		f.refuse(at.to("maxSize"), "maxSize must not be negative: leave it out, or write 0, for no limit")
	}
}

// shorter refuses a duration that is written and less than it may be.
func shorter(f *finder, at Path, d metav1.Duration, least time.Duration, message string) {
	if d.Duration != 0 && d.Duration < least {
		f.refuse(at, "%s", message)
	}
}
