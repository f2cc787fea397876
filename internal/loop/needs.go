// SPDX-License-Identifier: Apache-2.0

package loop

import (
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// Need is something on which an act depended: a change of it wakes who acted.
type Need struct{ Kind, Namespace, Name string }

// NeedAccount is a service account.
func NeedAccount(sa types.NamespacedName) Need { return Need{"ServiceAccount", sa.Namespace, sa.Name} }

// Needs is the index from what is needed to those who need it.
type Needs struct {
	mu    sync.Mutex
	of    map[reconcile.Request][]Need
	users map[Need]map[reconcile.Request]struct{}
}

// NewNeeds is an empty index.
func NewNeeds() *Needs {
	return &Needs{of: map[reconcile.Request][]Need{}, users: map[Need]map[reconcile.Request]struct{}{}}
}

// Set replaces what somebody needs.
func (n *Needs) Set(key reconcile.Request, now []Need) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if slices.Equal(n.of[key], now) {
		return
	}
	for _, old := range n.of[key] {
		delete(n.users[old], key)
		if len(n.users[old]) == 0 {
			delete(n.users, old)
		}
	}
	delete(n.of, key)
	if len(now) == 0 {
		return
	}
	n.of[key] = now
	for _, needed := range now {
		if n.users[needed] == nil {
			n.users[needed] = map[reconcile.Request]struct{}{}
		}
		n.users[needed][key] = struct{}{}
	}
}

// UsersOf are those who need something.
func (n *Needs) UsersOf(needed Need) []reconcile.Request {
	n.mu.Lock()
	defer n.mu.Unlock()
	out := make([]reconcile.Request, 0, len(n.users[needed]))
	for key := range n.users[needed] {
		out = append(out, key)
	}
	return out
}
