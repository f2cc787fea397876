// SPDX-License-Identifier: Apache-2.0

package image

import "time"

// Target is what one object wants watched.
type Target struct {
	Ref      Ref
	Logins   Logins
	Interval time.Duration
	// Known is the digest that the object's status already shows; its first poll can wait its turn then.
	Known string
}

// Seen is what the last poll of a target saw. The zero value means that none has ended yet.
type Seen struct {
	// Digest is the last digest that the registry gave, kept through later failures.
	Digest string
	// Failure is why the last poll gave none; nil if it did.
	Failure *Failure
	// Next is when the target is polled again.
	Next time.Time
}

// Pending reports whether no poll has ended yet.
func (s Seen) Pending() bool { return s.Digest == "" && s.Failure == nil }

// Same reports whether two sights would be reported in the same words.
func (s Seen) Same(o Seen) bool { return s.Digest == o.Digest && s.Failure.Same(o.Failure) }

// Pushed is what a registry says was pushed to it. It is a hint to look, never a fact.
type Pushed struct {
	// Host is the registry as the sender knows it; empty if unknown.
	Host       string
	Repository string
	// Tag is empty if any tag may have moved.
	Tag string
}

// Matches reports whether the push may have moved the reference; same says whether two hosts may be one registry.
func (p Pushed) Matches(r Ref, same func(sender, host string) bool) bool {
	if r.Pinned() || p.Repository != r.Repository || (p.Tag != "" && p.Tag != r.Tag) {
		return false
	}
	return p.Host == "" || same(p.Host, r.Host)
}
