// SPDX-License-Identifier: Apache-2.0

package clone

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"rhumb.run/rhumb/api/rhumb/v1alpha1"
	"rhumb.run/rhumb/internal/core/admit"
	"rhumb.run/rhumb/internal/core/expression"
	"rhumb.run/rhumb/internal/core/image"
)

// Access is how a registry is reached, and who we are there.
type Access struct {
	// Host as images name it; "*" is every host that has no Access of its own.
	Host string
	// Secret of our namespace with the credentials, and Provider of the cloud's; at most one of them.
	Secret, Provider string
	// CASecret of our namespace and its key hold authorities to trust; empty is the system's alone.
	CASecret, CAKey string
	Insecure        bool
	// MinRemaining pulls of the registry's quota are left to others.
	MinRemaining int
	// PerSecond bounds requests; 0 leaves that to the client.
	PerSecond int
	// PodSecrets tries the pull secrets of pods as well.
	PodSecrets bool
	// Path and CAPath lead to the fields of the policy, for messages.
	Path, CAPath admit.Path
}

// Defaults of the definition, for policies from files, which no API server has filled in.
const (
	defaultRollouts  = 3
	defaultTimeout   = 30 * time.Minute
	defaultEvery     = 6 * time.Hour
	defaultRetention = 168 * time.Hour
	defaultCAKey     = "ca.crt"
)

// notByDefault are the namespaces that a policy without a selector leaves alone, as the definition has it.
var notByDefault = []string{"kube-system", "kube-public", "kube-node-lease", "rhumb-system"}

// Compile makes a policy of an object. Where it cannot be followed there is none, and problems name the fields; others are
// not concerned.
func Compile(p *v1alpha1.ImageClonePolicy) (*Policy, []admit.Problem) {
	if problems := admit.ImageClonePolicy(p); len(problems) > 0 {
		return nil, problems
	}
	if p.Name == EnvName {
		return nil, problem(admit.Path{"metadata", "name"}, `a policy cannot be called "env": that is the one of environment variables`)
	}
	s := &p.Spec
	target, err := ParseTarget(s.Target.PullName)
	if err != nil {
		return nil, problem(admit.Path{"spec", "target", "pullName"}, err.Error())
	}
	target.Naming, target.Template = cmp.Or(Naming(s.Target.Naming), HostPath), s.Target.Template
	if s.Target.PushEndpoint != "" {
		target.Push = image.CanonicalHost(s.Target.PushEndpoint)
	}
	match, problems := compileMatch(&s.Match)
	if problems != nil {
		return nil, problems
	}
	out := &Policy{
		Name: p.Name, Priority: s.Priority, Match: match, Target: target,
		Strategy: cmp.Or(Strategy(s.Rewrite.Strategy), Auto), Order: cmp.Or(Order(s.Rewrite.Order), TargetFirst),
		Pin:       s.Rewrite.Pin == v1alpha1.PinDigest,
		Rollouts:  int(cmp.Or(s.Rewrite.MaxConcurrentRollouts, defaultRollouts)),
		Overwrite: s.Copy.Overwrite, DryRun: s.DryRun, Copy: compileCopy(&s.Copy),
		Refresh: cmp.Or(Refresh(s.Refresh.Mode), RefreshAuto), Every: cmp.Or(s.Refresh.Interval.Duration, defaultEvery),
		Cleanup: Cleanup{s.Cleanup.Enabled, s.Cleanup.Retention.Duration},
		Push:    compilePush(&s.Target),

		CreateRepositories: s.Target.Push.CreateRepositories,
	}
	if out.Cleanup == (Cleanup{}) {
		out.Cleanup.Retention = defaultRetention
	}
	if s.Target.Pull.Auth != nil {
		out.PullSecret, out.Inject = s.Target.Pull.Auth.SecretRef.Name, s.Target.Pull.Inject
	}
	for i, source := range s.Sources {
		out.Sources = append(out.Sources, compileSource(&source, i))
	}
	return out, nil
}

func problem(at admit.Path, message string) []admit.Problem {
	return []admit.Problem{{Severity: admit.Error, Message: message, Path: at}}
}

func compileMatch(m *v1alpha1.ImageCloneMatch) (Match, []admit.Problem) {
	at := admit.Path{"spec", "match"}
	out := Match{Owned: m.OwnedWorkloads == v1alpha1.OwnedInclude}
	var err error
	if m.NamespaceSelector == nil {
		out.Except = notByDefault
	} else if out.Namespaces, err = selector(m.NamespaceSelector); err != nil {
		return Match{}, problem(append(at, "namespaceSelector"), err.Error())
	}
	if m.PodSelector != nil {
		if out.Pods, err = selector(m.PodSelector); err != nil {
			return Match{}, problem(append(at, "podSelector"), err.Error())
		}
	}
	for _, k := range m.Kinds {
		out.Kinds = append(out.Kinds, string(k))
	}
	if m.Expression != "" {
		if out.Expression, err = expression.Parse(m.Expression); err != nil {
			return Match{}, problem(append(at, "expression"), err.Error())
		}
	}
	if out.Images, err = ParseGlobs(texts(m.Images.Include), texts(m.Images.Exclude)); err != nil {
		return Match{}, problem(append(at, "images"), err.Error())
	}
	return out, nil
}

// selector of nothing is nil, so that who asks need not tell the two apart.
func selector(s *metav1.LabelSelector) (labels.Selector, error) {
	out, err := metav1.LabelSelectorAsSelector(s)
	if err != nil || out.Empty() {
		return nil, err
	}
	return out, nil
}

func texts[T ~string](in []T) []string {
	out := make([]string, 0, len(in))
	for _, s := range in {
		out = append(out, string(s))
	}
	return out
}

func compileCopy(c *v1alpha1.ImageCloneCopy) Copying {
	out := Copying{
		Platforms: texts(c.Platforms), Sparse: c.Sparse, NonDistributable: c.NonDistributable == v1alpha1.NonDistributableCopy,
		Referrers: c.Referrers == nil || *c.Referrers, CosignTags: c.CosignTags == nil || *c.CosignTags,
		Timeout: cmp.Or(c.TimeoutPerImage.Duration, defaultTimeout),
	}
	if c.MaxSize != nil {
		out.MaxSize = c.MaxSize.Value()
	}
	return out
}

func compilePush(t *v1alpha1.ImageCloneTarget) Access {
	host, _, _ := strings.Cut(cmp.Or(t.PushEndpoint, t.PullName), "/")
	out := Access{Host: image.CanonicalHost(host), Insecure: t.Insecure, Path: admit.Path{"spec", "target", "push", "auth"}}
	out.identity(t.Push.Auth)
	out.authorities(t.CASecretRef, admit.Path{"spec", "target", "caSecretRef"})
	return out
}

func compileSource(s *v1alpha1.ImageCloneSource, i int) Access {
	out := Access{
		Host: s.Host, Insecure: s.Insecure, MinRemaining: int(s.MinRemaining), PerSecond: int(s.RequestsPerSecond),
		PodSecrets: s.UsePodPullSecrets, Path: admit.Path{"spec", "sources", strconv.Itoa(i), "auth"},
	}
	if s.Host != anyHost {
		out.Host = image.CanonicalHost(s.Host)
	}
	out.identity(s.Auth)
	out.authorities(s.CASecretRef, admit.Path{"spec", "sources", strconv.Itoa(i), "caSecretRef"})
	return out
}

func (a *Access) identity(auth *v1alpha1.RegistryAuth) {
	switch {
	case auth == nil:
	case auth.SecretRef != nil:
		a.Secret = auth.SecretRef.Name
	default:
		a.Provider = string(auth.Provider)
	}
}

func (a *Access) authorities(ref *v1alpha1.CASecretReference, at admit.Path) {
	if ref != nil {
		a.CASecret, a.CAKey, a.CAPath = ref.Name, cmp.Or(ref.Key, defaultCAKey), at
	}
}

const anyHost = "*"

// Source is how the registry of an image is reached; false, if the policy says nothing of it.
func (p *Policy) Source(ref image.Ref) (Access, bool) {
	var rest *Access
	for i := range p.Sources {
		switch p.Sources[i].Host {
		case ref.Host:
			return p.Sources[i], true
		case anyHost:
			rest = &p.Sources[i]
		}
	}
	if rest == nil {
		return Access{}, false
	}
	return *rest, true
}
