// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
)

// recent remembers what we wrote until the watch has shown it, so that a walk
// reads its own writes and never makes one twice.
type recent struct {
	mu    sync.Mutex
	wrote map[string]written
}

type written struct {
	object *unstructured.Unstructured
	until  time.Time
}

// memory is for the case that a watch never shows what was written, because
// the object came and went while the watch was down.
const memory = 30 * time.Second

// put remembers the server's answer to a write.
func (r *recent) put(u *unstructured.Unstructured) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.wrote == nil {
		r.wrote = map[string]written{}
	}
	r.wrote[u.GetNamespace()+"/"+u.GetName()] = written{u, time.Now().Add(memory)}
}

// seen is true if the watch shows just what we wrote, or something older.
func (r *recent) seen(u *unstructured.Unstructured) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := u.GetNamespace() + "/" + u.GetName()
	w, ok := r.wrote[key]
	if !ok || w.object.GetUID() != u.GetUID() {
		delete(r.wrote, key)
		return false
	}
	switch order(u, w.object) {
	case -1:
		return true
	case 0:
		delete(r.wrote, key)
		return true
	}
	delete(r.wrote, key)
	return false
}

// gone forgets an object that was deleted.
func (r *recent) gone(u *unstructured.Unstructured) {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := u.GetNamespace() + "/" + u.GetName()
	if w, ok := r.wrote[key]; ok && w.object.GetUID() == u.GetUID() {
		delete(r.wrote, key)
	}
}

// newest chooses between what the watch shows and what we wrote.
func (r *recent) newest(key string, shown *unstructured.Unstructured) *unstructured.Unstructured {
	r.mu.Lock()
	defer r.mu.Unlock()
	w, ok := r.wrote[key]
	switch {
	case !ok:
		return shown
	case time.Now().After(w.until):
		delete(r.wrote, key)
		return shown
	case shown == nil, shown.GetUID() != w.object.GetUID(), order(shown, w.object) < 0:
		return w.object
	}
	delete(r.wrote, key)
	return shown
}

// of are the objects of a controller that we wrote a moment ago.
func (r *recent) of(controller types.UID) map[string]*unstructured.Unstructured {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := map[string]*unstructured.Unstructured{}
	for key, w := range r.wrote {
		if ref := metav1.GetControllerOfNoCopy(w.object); ref != nil && ref.UID == controller && time.Now().Before(w.until) {
			out[key] = w.object
		}
	}
	return out
}

func order(a, b *unstructured.Unstructured) int {
	c, err := resourceversion.CompareResourceVersion(a.GetResourceVersion(), b.GetResourceVersion())
	if err != nil {
		return 1 // versions that cannot be compared: believe the watch
	}
	return c
}
