// SPDX-License-Identifier: Apache-2.0

package clone

import (
	"cmp"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/labels"

	"rhumb.run/rhumb/internal/core/expression"
	"rhumb.run/rhumb/internal/core/image"
)

// EnvName is the policy that the environment describes. It is asked after all others.
const EnvName = "env"

// Strategy is how an object comes to use copies.
type Strategy string

// The strategies.
const (
	// Auto patches templates of objects that nobody else owns, and leaves the pods of all others to admission.
	Auto Strategy = "Auto"
	// Admission changes pods as they are made, and nothing that people wrote.
	Admission Strategy = "Admission"
	// Workload patches pod templates.
	Workload Strategy = "Workload"
	// Both does both.
	Both Strategy = "Both"
	// None only copies.
	None Strategy = "None"
)

// Order is which of two images a pod is given.
type Order string

// The orders.
const (
	TargetFirst Order = "TargetFirst"
	// OriginFirst uses a copy only while its original cannot be had.
	OriginFirst Order = "OriginFirst"
)

// Refresh is when tags are looked at again.
type Refresh string

// The ways to refresh.
const (
	Never    Refresh = "Never"
	Interval Refresh = "Interval"
	// RefreshAuto looks again at tags that pods would pull again: those with the pull policy Always, or named latest.
	RefreshAuto Refresh = "Auto"
)

// Policy says which images are copied where, and what is made to use them.
type Policy struct {
	Name     string
	Priority int32
	Match    Match
	Target   Target
	Strategy Strategy
	Order    Order
	// Pin writes the digest behind the tag.
	Pin bool
	// Rollouts is how many objects may roll out at once because of this policy; 0 is no bound.
	Rollouts int
	// ReadyFirst leaves an object alone until it is ready, as the image cloner of old did.
	ReadyFirst bool
	// PullSecret is appended to the pull secrets of what is made to use copies; empty is none.
	PullSecret string
	// Inject copies that secret to the namespaces that need it.
	Inject bool
	// Push is how the target is reached, Sources how the registries are that images come from.
	Push Access
	// CreateRepositories lets a copy's repository be made where the target wants that.
	CreateRepositories bool
	Sources            []Access
	Overwrite          bool
	DryRun             bool
	Copy               Copying
	Refresh            Refresh
	// Every is the interval of looking again.
	Every   time.Duration
	Cleanup Cleanup
}

// Names reports whether a policy names a Secret of our namespace.
func (p *Policy) Names(secret string) bool {
	return slices.Contains(p.Secrets(), secret)
}

// Copying is what of an image is copied.
type Copying struct {
	// Platforms are os/arch[/variant]; none is all of them, under the same digest.
	Platforms        []string
	Sparse           bool
	Referrers        bool
	CosignTags       bool
	NonDistributable bool
	// MaxSize is in bytes; 0 is no bound.
	MaxSize int64
	// Timeout is of one image.
	Timeout time.Duration
}

// Cleanup is when copies that nobody uses are deleted.
type Cleanup struct {
	Enabled   bool
	Retention time.Duration
}

// Match is what a policy is for. The zero value is for everything.
type Match struct {
	Namespaces labels.Selector
	// Except are namespaces that are never touched.
	Except []string
	Pods   labels.Selector
	// Kinds of objects; none is all.
	Kinds []string
	// Owned includes objects that another controller owns.
	Owned  bool
	Images Globs
	// Expression, if set, has to be true of the pod.
	Expression *expression.Expression
}

// Subject is what has images: an object with a pod template, or a pod.
type Subject struct {
	Kind, Namespace, Name string
	NamespaceLabels       labels.Set
	// Labels and Annotations are those of the pod, or of the pods to be.
	Labels, Annotations labels.Set
	// Owner is the object's controller, as Kind/name; empty if it has none.
	Owner string
	// Under are the targets of which the object's annotation says that its copies are there.
	Under []string
}

// pod is what expressions read of a subject.
func (s *Subject) pod() expression.Pod {
	return expression.Pod{
		Name: s.Name, Namespace: s.Namespace, Kind: s.Kind, Labels: s.Labels, Annotations: s.Annotations, NamespaceLabels: s.NamespaceLabels,
	}
}

// For reports whether a policy is for a subject, whatever its images.
func (m *Match) For(s Subject) bool {
	ok, _ := m.takes(s)
	return ok
}

// takes reports whether a policy is for a subject, whatever its images, and if not, why.
func (m *Match) takes(s Subject) (bool, string) {
	switch {
	case slices.Contains(m.Except, s.Namespace):
		return false, "namespace " + s.Namespace + " is left out"
	case m.Namespaces != nil && !m.Namespaces.Matches(s.NamespaceLabels):
		return false, "its namespaceSelector does not match namespace " + s.Namespace
	case len(m.Kinds) > 0 && !slices.Contains(m.Kinds, s.Kind):
		return false, "it is not for kind " + s.Kind
	case m.Pods != nil && !m.Pods.Matches(s.Labels):
		return false, "its podSelector does not match"
	case m.Expression != nil:
		ok, err := m.Expression.True(s.pod())
		if err != nil {
			return false, "its expression could not be evaluated: " + err.Error()
		}
		if !ok {
			return false, "its expression is false"
		}
	}
	return true, ""
}

// Policies are in the order in which they are asked.
type Policies []*Policy

// InOrder sorts policies: the highest priority first, of equals the first name; the environment's last.
func InOrder(all []*Policy) Policies {
	out := Policies(slices.Clone(all))
	slices.SortFunc(out, func(a, b *Policy) int {
		if (a.Name == EnvName) != (b.Name == EnvName) {
			if a.Name == EnvName {
				return 1
			}
			return -1
		}
		return cmp.Or(cmp.Compare(b.Priority, a.Priority), cmp.Compare(a.Name, b.Name))
	})
	return out
}

// Only is a policy alone, or none if it is nil.
func Only(p *Policy) Policies {
	if p == nil {
		return nil
	}
	return Policies{p}
}

// AskNamespaces reports whether any policy chooses by the labels of namespaces.
func (p Policies) AskNamespaces() bool {
	return slices.ContainsFunc(p, func(one *Policy) bool { return one.Match.Namespaces != nil || one.Match.Expression != nil })
}

// IsCopy reports whether an image lies under the target of any policy.
func (p Policies) IsCopy(ref image.Ref) bool { return p.holder(ref) != nil }

// holder is the policy under whose target an image lies. What does is a copy, and never copied again.
func (p Policies) holder(ref image.Ref) *Policy {
	for _, policy := range p {
		if policy.Target.Holds(ref) {
			return policy
		}
	}
	return nil
}
