// SPDX-License-Identifier: Apache-2.0

package blueprint

import (
	"k8s.io/apimachinery/pkg/types"

	"rhumb.run/rhumb/internal/core/owner"
)

// Account is who acts for an owner: its own choice, else the blueprint's, else
// the namespace's default.
func Account(o *owner.Owner, b *Blueprint) types.NamespacedName {
	switch {
	case o.ServiceAccount != "":
		return types.NamespacedName{Namespace: o.Namespace, Name: o.ServiceAccount}
	case b.ServiceAccount.Name != "":
		namespace := b.ServiceAccount.Namespace
		if namespace == "" {
			namespace = o.Namespace
		}
		return types.NamespacedName{Namespace: namespace, Name: b.ServiceAccount.Name}
	}
	return types.NamespacedName{Namespace: o.Namespace, Name: "default"}
}
