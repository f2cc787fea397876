// SPDX-License-Identifier: Apache-2.0

package owner

import (
	"context"
	"fmt"
	"sync"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rhumb.run/rhumb/internal/core/blueprint"
)

// blueprints serves compiled blueprints: each is compiled once per resource version.
type blueprints struct {
	kind   Kind
	reader client.Reader

	mu       sync.Mutex
	compiled map[string]compiledBlueprint
}

type compiledBlueprint struct {
	uid       types.UID
	version   string
	blueprint *blueprint.Blueprint
}

func newBlueprints(kind Kind, reader client.Reader) *blueprints {
	return &blueprints{kind: kind, reader: reader, compiled: map[string]compiledBlueprint{}}
}

// all lists from memory. Those that are gone are forgotten.
func (b *blueprints) all(ctx context.Context) ([]*blueprint.Blueprint, error) {
	list := b.kind.NewBlueprintList()
	if err := b.reader.List(ctx, list, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("listing blueprints: %w", err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []*blueprint.Blueprint
	err := meta.EachListItem(list, func(o runtime.Object) error {
		out = append(out, b.compile(o.(client.Object)))
		return nil
	})
	if len(b.compiled) > len(out) {
		b.compiled = map[string]compiledBlueprint{}
	}
	return out, err
}

func (b *blueprints) compile(object client.Object) *blueprint.Blueprint {
	c, ok := b.compiled[object.GetName()]
	if !ok || c.uid != object.GetUID() || c.version != object.GetResourceVersion() {
		c = compiledBlueprint{object.GetUID(), object.GetResourceVersion(), b.kind.Compile(object)}
		b.compiled[object.GetName()] = c
	}
	return c.blueprint
}
