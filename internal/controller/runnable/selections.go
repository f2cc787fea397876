// SPDX-License-Identifier: Apache-2.0

package runnable

import (
	"sync"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"rhumb.run/rhumb/api/carto/v1alpha1"
)

// selections is the index from objects to the runnables whose selector finds them.
type selections struct {
	mu sync.Mutex
	of map[reconcile.Request]*v1alpha1.ResourceSelector
	// by is each kind and one label of the selector: few others share that.
	by map[handle]map[reconcile.Request]struct{}
}

// handle is a kind of objects with a label; no label are all of the kind.
type handle struct {
	kind  schema.GroupVersionKind
	label string
}

func newSelections() *selections {
	return &selections{of: map[reconcile.Request]*v1alpha1.ResourceSelector{}, by: map[handle]map[reconcile.Request]struct{}{}}
}

// set replaces what a runnable selects; nil is nothing.
func (s *selections) set(key reconcile.Request, selector *v1alpha1.ResourceSelector) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.of[key]; old != nil {
		delete(s.by[handleOf(old)], key)
		if len(s.by[handleOf(old)]) == 0 {
			delete(s.by, handleOf(old))
		}
		delete(s.of, key)
	}
	if selector == nil {
		return
	}
	s.of[key] = selector
	h := handleOf(selector)
	if s.by[h] == nil {
		s.by[h] = map[reconcile.Request]struct{}{}
	}
	s.by[h][key] = struct{}{}
}

// selectors are the runnables that select an object of a kind, in a namespace
// or in none, by the labels that it has or had.
func (s *selections) selectors(kind schema.GroupVersionKind, namespace string, labels map[string]string) []reconcile.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []reconcile.Request
	look := func(h handle) {
		for key := range s.by[h] {
			if (namespace == "" || key.Namespace == namespace) && carries(labels, s.of[key].MatchingLabels) {
				out = append(out, key)
			}
		}
	}
	look(handle{kind, ""})
	for name, value := range labels {
		look(handle{kind, name + "=" + value})
	}
	return out
}

func carries(labels, wanted map[string]string) bool {
	for name, value := range wanted {
		if have, ok := labels[name]; !ok || have != value {
			return false
		}
	}
	return true
}

// handleOf is the kind and the first label, by name, of a selector.
func handleOf(s *v1alpha1.ResourceSelector) handle {
	least := ""
	for name, value := range s.MatchingLabels {
		if pair := name + "=" + value; least == "" || pair < least {
			least = pair
		}
	}
	return handle{schema.FromAPIVersionAndKind(s.Resource.APIVersion, s.Resource.Kind), least}
}
