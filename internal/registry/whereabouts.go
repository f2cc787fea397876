// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"rhumb.run/rhumb/internal/core/image"
)

// whereabouts are repositories of a registry that have a blob, as far as we know: a wrong one costs an upload that would
// have been made anyway.
type whereabouts struct {
	mu  sync.Mutex
	all map[string]map[string]string // host → digest → repository
	// known are images that are there and were not read: after a restart that is all that is known.
	known map[string][]image.Ref // by host
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
	delete(w.known, host)
}

// unread notes that an image is there, for somebody to look what it consists of when that is worth something.
func (w *whereabouts) unread(at image.Ref, digest string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.all[at.Host][digest] != "" || len(w.known[at.Host]) >= maxUnread {
		return
	}
	if w.known == nil {
		w.known = map[string][]image.Ref{}
	}
	if at = at.At(digest); !slices.Contains(w.known[at.Host], at) {
		w.known[at.Host] = append(w.known[at.Host], at)
	}
}

// take gives the images that nobody has read yet, once.
func (w *whereabouts) take(host string) []image.Ref {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := w.known[host]
	delete(w.known, host)
	return out
}

const (
	// worthLearning is the size of a blob for which it is worth to read what the target has.
	worthLearning = 1 << 20
	maxUnread     = 1000
)

// learn reads of the images that the target has which blobs are where. It costs requests to our own registry, and saves blobs
// from being sent that it has. What cannot be read is not known; that is no failure.
func (r *copying) learn(ctx context.Context, d descriptor) error {
	if d.Size < worthLearning || r.whereabouts.of(r.Target, d.Digest) != "" {
		return nil
	}
	leave, err := r.uploads.take(ctx, "learn "+r.Target.Host)
	if err != nil {
		return err
	}
	defer leave()
	var group errgroup.Group
	group.SetLimit(hostAtOnce)
	for _, ref := range r.whereabouts.take(r.Target.Host) {
		group.Go(func() error {
			r.learnOf(ctx, ref, 0)
			return nil
		})
	}
	return group.Wait()
}

func (r *copying) learnOf(ctx context.Context, ref image.Ref, depth int) {
	p, err := r.Client.rootAt(ctx, ref, r.TargetLogins)
	if err != nil || depth > maxDepth {
		return
	}
	r.whereabouts.note(ref, p.digest)
	for _, d := range p.blobs {
		r.whereabouts.note(ref, d.Digest)
	}
	for _, digest := range p.children {
		r.learnOf(ctx, ref.At(digest), depth+1)
	}
}

// manifests remember what was fetched, for those who may fetch it: a copy that is tried again costs no quota.
type manifests struct {
	mu   sync.Mutex
	all  map[string][]byte
	size int
}

const maxRemembered = 8 << 20

func (m *manifests) get(key string) []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.all[key]
}

func (m *manifests) put(key string, raw []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.size += len(raw); m.all == nil || m.size > maxRemembered {
		m.all, m.size = map[string][]byte{}, len(raw)
	}
	m.all[key] = raw
}
