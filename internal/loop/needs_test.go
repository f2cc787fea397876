// SPDX-License-Identifier: Apache-2.0

package loop

import (
	"testing"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

func TestNeeds(t *testing.T) {
	n := NewNeeds()
	image, config := Need{Kind: "ClusterImageTemplate", Name: "x"}, Need{Kind: "ClusterConfigTemplate", Name: "x"}
	account := NeedAccount(types.NamespacedName{Namespace: "a", Name: "sa"})
	one, two := key("a", "one"), key("a", "two")
	n.Set(one, []Need{account, image})
	n.Set(two, []Need{account, config})

	expect := func(why string, needed Need, want ...reconcile.Request) {
		t.Helper()
		got := map[reconcile.Request]bool{}
		for _, k := range n.UsersOf(needed) {
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
	n.Set(one, []Need{account, config})
	expect("who no longer needs a template is not woken by it", image)
	expect("who needs one now is", config, one, two)
	n.Set(one, nil)
	n.Set(two, nil)
	if len(n.users) != 0 || len(n.of) != 0 {
		t.Errorf("those who are gone are remembered: %v %v", n.users, n.of)
	}
}
