// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"sync"

	"rhumb.run/rhumb/internal/core/image"
)

// whereabouts are repositories of a registry that have a blob, as far as we know: a wrong one costs an upload that would
// have been made anyway.
type whereabouts struct {
	mu  sync.Mutex
	all map[string]map[string]string // host → digest → repository
}

// maxWhereabouts bounds what is known of one registry.
const maxWhereabouts = 200_000

func (w *whereabouts) note(at image.Ref, digest string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.all == nil {
		w.all = map[string]map[string]string{}
	}
	if known := w.all[at.Host]; known == nil || len(known) >= maxWhereabouts {
		w.all[at.Host] = map[string]string{}
	}
	w.all[at.Host][digest] = at.Repository
}

func (w *whereabouts) of(at image.Ref, digest string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.all[at.Host][digest]
}

func (w *whereabouts) forget(host string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.all, host)
}
