// SPDX-License-Identifier: Apache-2.0

package imageclone

import (
	"cmp"
	"slices"
	"sync"

	"rhumb.run/rhumb/api/rhumb/v1alpha1"
	"rhumb.run/rhumb/internal/core/clone"
)

// Most that a status has room for.
const (
	maxPlanned   = 50
	maxOverruled = 20
	maxLeft      = 20
)

// plans remember what policies would do, were they let, by object.
type plans struct {
	mu   sync.Mutex
	dry  map[User][]planned
	over map[User][]overruled
	left map[User][]left
}

// left is an object that a policy leaves as it is for good.
type left struct {
	policy string
	v1alpha1.LeftWorkload
}

type planned struct {
	policy string
	v1alpha1.PlannedRewrite
}

// overruled is an image that a policy lost to another.
type overruled struct{ loser, winner, image string }

func newPlans() *plans {
	return &plans{dry: map[User][]planned{}, over: map[User][]overruled{}, left: map[User][]left{}}
}

// Note notes what would become of an object; it returns the policies of which something else is known now.
func (p *plans) Note(user User, all clone.Policies, s clone.Subject, verdicts []clone.Verdict) (changed []string) {
	var dry []planned
	var over []overruled
	owned := leftOf(user, verdicts)
	for _, v := range verdicts {
		if v.Policy != nil && v.Policy.DryRun && v.To != "" {
			dry = append(dry, planned{v.Policy.Name, v1alpha1.PlannedRewrite{Object: user.String(), Container: v.Key, From: v.Image, To: v.To}})
		}
		if v.Policy == nil {
			continue
		}
		for _, loser := range all.Losers(s, v.Origin) {
			over = append(over, overruled{loser.Name, v.Policy.Name, clone.FullName(v.Origin)})
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if slices.Equal(p.dry[user], dry) && slices.Equal(p.over[user], over) && slices.Equal(p.left[user], owned) {
		return nil
	}
	for _, d := range append(p.dry[user], dry...) {
		changed = append(changed, d.policy)
	}
	for _, o := range append(p.over[user], over...) {
		changed = append(changed, o.loser)
	}
	for _, l := range append(p.left[user], owned...) {
		changed = append(changed, l.policy)
	}
	set(p.left, user, owned)
	set(p.dry, user, dry)
	set(p.over, user, over)
	return changed
}

// leftOf is an object that its policies leave as it is for good.
func leftOf(user User, verdicts []clone.Verdict) []left {
	var out []left
	for _, v := range verdicts {
		if v.Why != clone.ReasonOwned || slices.ContainsFunc(out, func(l left) bool { return l.policy == v.Policy.Name }) {
			continue
		}
		out = append(out, left{v.Policy.Name, v1alpha1.LeftWorkload{Object: user.String(), Reason: v.Why, Message: v.Words}})
	}
	return out
}

func set[V any](m map[User][]V, user User, all []V) {
	if len(all) == 0 {
		delete(m, user)
		return
	}
	m[user] = all
}

// Of is what a policy would do, and those who overrule it.
func (p *plans) Of(policy string) (rewrites []v1alpha1.PlannedRewrite, by []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, all := range p.dry {
		for _, d := range all {
			if d.policy == policy {
				rewrites = append(rewrites, d.PlannedRewrite)
			}
		}
	}
	slices.SortFunc(rewrites, func(a, b v1alpha1.PlannedRewrite) int {
		return cmp.Or(cmp.Compare(a.Object, b.Object), cmp.Compare(a.Container, b.Container))
	})
	for _, all := range p.over {
		for _, o := range all {
			if o.loser == policy && !slices.Contains(by, o.winner) {
				by = append(by, o.winner)
			}
		}
	}
	slices.Sort(by)
	return rewrites[:min(len(rewrites), maxPlanned)], by[:min(len(by), maxOverruled)]
}

// Left are the objects that a policy leaves as they are for good.
func (p *plans) Left(policy string) []v1alpha1.LeftWorkload {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []v1alpha1.LeftWorkload
	for _, all := range p.left {
		for _, l := range all {
			if l.policy == policy {
				out = append(out, l.LeftWorkload)
			}
		}
	}
	slices.SortFunc(out, func(a, b v1alpha1.LeftWorkload) int { return cmp.Compare(a.Object, b.Object) })
	return out[:min(len(out), maxLeft)]
}

// Overruled counts the images that a policy lost.
func (p *plans) Overruled(policy string) int32 {
	p.mu.Lock()
	defer p.mu.Unlock()
	images := map[string]bool{}
	for _, all := range p.over {
		for _, o := range all {
			if o.loser == policy {
				images[o.image] = true
			}
		}
	}
	return int32(len(images))
}
