// SPDX-License-Identifier: Apache-2.0

package owner

import (
	"testing"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"rhumb.run/rhumb/internal/core/template"
)

func TestNeeds(t *testing.T) {
	n := newNeeds()
	image, config := needTemplate(template.Ref{Kind: "ClusterImageTemplate", Name: "x"}), needTemplate(template.Ref{Kind: "ClusterConfigTemplate", Name: "x"})
	account := needAccount(types.NamespacedName{Namespace: "a", Name: "sa"})
	one, two := key("a", "one"), key("a", "two")
	n.set(one, []need{account, image})
	n.set(two, []need{account, config})

	expect := func(why string, needed need, want ...reconcile.Request) {
		t.Helper()
		got := map[reconcile.Request]bool{}
		for _, k := range n.usersOf(needed) {
			got[k] = true
		}
		if len(got) != len(want) {
			t.Errorf("%s: users = %v, want %v", why, got, want)
		}
		for _, k := range want {
			if !got[k] {
				t.Errorf("%s: users = %v, want %v", why, got, want)
			}
		}
	}
	expect("an account wakes all who act as it", account, one, two)
	expect("a template of the same name but another kind is another", image, one)
	n.set(one, []need{account, config})
	expect("who no longer needs a template is not woken by it", image)
	expect("who needs one now is", config, one, two)
	n.set(one, nil)
	n.set(two, nil)
	if len(n.users) != 0 || len(n.of) != 0 {
		t.Errorf("those who are gone are remembered: %v %v", n.users, n.of)
	}
}
