// SPDX-License-Identifier: Apache-2.0

package imageclone

import (
	"sync"

	"k8s.io/apimachinery/pkg/util/resourceversion"
)

// written remembers the version of each object that we changed, until the cache shows it.
type written struct {
	mu  sync.Mutex
	all map[User]string
}

func newWritten() *written { return &written{all: map[User]string{}} }

// Note remembers a version.
func (w *written) Note(user User, version string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all[user] = version
}

// Newer reports whether we wrote a newer version than the one that is shown.
func (w *written) Newer(user User, shown string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	ours, ok := w.all[user]
	if !ok {
		return false
	}
	order, err := resourceversion.CompareResourceVersion(shown, ours)
	if err != nil || order >= 0 {
		delete(w.all, user)
		return false
	}
	return true
}

// Forget drops what is known of an object that is gone.
func (w *written) Forget(user User) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.all, user)
}
