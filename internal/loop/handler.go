// SPDX-License-Identifier: Apache-2.0

package loop

import (
	"k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Handler is a cache.ResourceEventHandler of typed functions, any of which may be nil.
type Handler struct {
	Add    func(o client.Object, initial bool)
	Update func(before, after client.Object)
	Remove func(o client.Object)
}

// OnAdd tells the first list apart from what is new.
func (h Handler) OnAdd(o any, initial bool) {
	if object, ok := o.(client.Object); ok && h.Add != nil {
		h.Add(object, initial)
	}
}

// OnUpdate passes changes on; a resync of the same version is none.
func (h Handler) OnUpdate(before, after any) {
	was, ok1 := before.(client.Object)
	is, ok2 := after.(client.Object)
	if ok1 && ok2 && h.Update != nil && was.GetResourceVersion() != is.GetResourceVersion() {
		h.Update(was, is)
	}
}

// OnDelete passes on what is gone, even if its end was not seen.
func (h Handler) OnDelete(o any) {
	if gone, ok := o.(cache.DeletedFinalStateUnknown); ok {
		o = gone.Obj
	}
	if object, ok := o.(client.Object); ok && h.Remove != nil {
		h.Remove(object)
	}
}
