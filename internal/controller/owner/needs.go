// SPDX-License-Identifier: Apache-2.0

package owner

import (
	"sync"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"rhumb.run/rhumb/internal/core/plan"
	"rhumb.run/rhumb/internal/core/template"
)

// need is something on which a walk depended: a change of it wakes the owner.
type need struct{ kind, namespace, name string }

func needTemplate(ref template.Ref) need       { return need{ref.Kind, "", ref.Name} }
func needAccount(sa types.NamespacedName) need { return need{"ServiceAccount", sa.Namespace, sa.Name} }

func needsOf(p *plan.Plan, account types.NamespacedName) []need {
	out := []need{needAccount(account)}
	for i := range p.Steps {
		if p.Steps[i].Chosen.Name != "" {
			out = append(out, needTemplate(p.Steps[i].Chosen))
		}
	}
	return out
}

// needs is the index from what is needed to those who need it.
type needs struct {
	mu    sync.Mutex
	of    map[reconcile.Request][]need
	users map[need]map[reconcile.Request]struct{}
}

func newNeeds() *needs {
	return &needs{of: map[reconcile.Request][]need{}, users: map[need]map[reconcile.Request]struct{}{}}
}

// set replaces what an owner needs.
func (n *needs) set(key reconcile.Request, now []need) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if same(n.of[key], now) {
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

// usersOf are the owners who need something.
func (n *needs) usersOf(needed need) []reconcile.Request {
	n.mu.Lock()
	defer n.mu.Unlock()
	out := make([]reconcile.Request, 0, len(n.users[needed]))
	for key := range n.users[needed] {
		out = append(out, key)
	}
	return out
}

func same(a, b []need) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}
