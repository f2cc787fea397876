// SPDX-License-Identifier: Apache-2.0

package imageclone

import (
	"math"
	"sync"
	"time"

	"rhumb.run/rhumb/internal/core/clone"
)

// patience is how long a rollout is waited for: one that never ends holds up nobody for ever.
const patience = 10 * time.Minute

// rollouts bound how many objects roll out at once because of a policy.
type rollouts struct {
	now func() time.Time

	mu      sync.Mutex
	going   map[User]rollout
	waiting map[User]string // the policy that they wait for
	seen    map[User]bool   // whoever was looked at once
}

type rollout struct {
	policy string
	since  time.Time
	// generation is the object's since the change; what is known of an earlier one says nothing.
	generation int64
}

func newRollouts() *rollouts {
	return &rollouts{now: time.Now, going: map[User]rollout{}, waiting: map[User]string{}, seen: map[User]bool{}}
}

// Enter claims a place; without one the object waits, and is woken when one is free.
func (r *rollouts) Enter(user User, p *clone.Policy) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, going := r.going[user]; !going && p.Rollouts > 0 && r.count(p.Name) >= p.Rollouts {
		r.waiting[user] = p.Name
		return false
	}
	delete(r.waiting, user)
	r.going[user] = rollout{policy: p.Name, since: r.now(), generation: 1 << 62}
	return true
}

func (r *rollouts) count(policy string) int {
	n := 0
	for user, g := range r.going {
		switch {
		case r.now().Sub(g.since) > patience:
			delete(r.going, user)
		case g.policy == policy:
			n++
		}
	}
	return n
}

// Changed says from which generation on the object is the changed one.
func (r *rollouts) Changed(user User, generation int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if g, ok := r.going[user]; ok {
		g.generation = generation
		r.going[user] = g
	}
}

// Leave gives a place back that was not used, to those who are returned.
func (r *rollouts) Leave(user User) []User { return r.Settled(user, math.MaxInt64) }

// Forget drops what is known of an object that is gone, and gives who may have its place.
func (r *rollouts) Forget(user User) []User {
	r.mu.Lock()
	delete(r.seen, user)
	delete(r.waiting, user)
	r.mu.Unlock()
	return r.Leave(user)
}

// Rolling notes a rollout that was under way before us: one of an object that is seen for the first time.
func (r *rollouts) Rolling(user User, policy string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	first := !r.seen[user]
	r.seen[user] = true
	if _, ok := r.going[user]; !ok && first && policy != "" {
		r.going[user] = rollout{policy: policy, since: r.now()}
	}
}

// Settled ends the rollout of an object that is all of a generation, and gives who may have its place.
func (r *rollouts) Settled(user User, generation int64) []User {
	r.mu.Lock()
	defer r.mu.Unlock()
	g, ok := r.going[user]
	if !ok || generation < g.generation {
		return nil
	}
	delete(r.going, user)
	var out []User
	for u, policy := range r.waiting {
		if policy == g.policy {
			out = append(out, u)
			delete(r.waiting, u)
		}
	}
	return out
}
