// SPDX-License-Identifier: Apache-2.0

package owner

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rhumb.run/rhumb/internal/core/blueprint"
	"rhumb.run/rhumb/internal/fault"
)

// Actor says who acts for an owner, and on behalf of which blueprint, as its next turn would find. It changes nothing and
// needs no leadership.
func (a Added) Actor(ctx context.Context, name types.NamespacedName) (account types.NamespacedName, blueprintName string, err error) {
	object := a.r.kind.New()
	err = a.r.client.Get(ctx, name, object, client.UnsafeDisableDeepCopy)
	if apierrors.IsNotFound(err) {
		return account, "", fault.Rejectf("", "%s [%s] is gone", a.r.kind.Noun, name)
	}
	if err != nil {
		return account, "", fmt.Errorf("reading %s: %w", a.r.kind.Noun, err)
	}
	o := a.r.kind.View(object)
	b, err := a.r.choose(ctx, &o)
	if err != nil {
		return account, "", err
	}
	return blueprint.Account(&o, b), b.Name, nil
}
