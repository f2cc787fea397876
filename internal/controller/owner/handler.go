// SPDX-License-Identifier: Apache-2.0

package owner

import (
	"k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// handler is a cache.ResourceEventHandler of typed functions, any of which may be nil.
type handler struct {
	add    func(o client.Object, initial bool)
	update func(before, after client.Object)
	remove func(o client.Object)
}

// OnAdd tells the first list apart from what is new.
func (h handler) OnAdd(o any, initial bool) {
	if object, ok := o.(client.Object); ok && h.add != nil {
		h.add(object, initial)
	}
}

// OnUpdate passes changes on; a resync of the same version is none.
func (h handler) OnUpdate(before, after any) {
	was, ok1 := before.(client.Object)
	is, ok2 := after.(client.Object)
	if ok1 && ok2 && h.update != nil && was.GetResourceVersion() != is.GetResourceVersion() {
		h.update(was, is)
	}
}

// OnDelete passes on what is gone, even if its end was not seen.
func (h handler) OnDelete(o any) {
	if gone, ok := o.(cache.DeletedFinalStateUnknown); ok {
		o = gone.Obj
	}
	if object, ok := o.(client.Object); ok && h.remove != nil {
		h.remove(object)
	}
}
