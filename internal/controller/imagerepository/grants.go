// SPDX-License-Identifier: Apache-2.0

package imagerepository

import (
	"sync"

	"golang.org/x/time/rate"
	"k8s.io/apimachinery/pkg/types"

	"rhumb.run/rhumb/internal/core/image"
)

const (
	// maxDigests bounds what is remembered of one object: more than anybody still holds.
	maxDigests = 64
	maxObjects = 50_000
	// What strangers may make us ask a registry for one object's sake, a second and at once.
	asksPerSecond = 1
	asksAtOnce    = 5
)

// grants remember which digests an object may hand out, since the registry showed them to it with its own credentials, and
// what went wrong when their tarballs were made.
type grants struct {
	mu  sync.Mutex
	all map[types.UID]*granted
}

type granted struct {
	order    []string
	troubles map[string]*image.Failure
	asks     *rate.Limiter
}

func newGrants() *grants { return &grants{all: map[types.UID]*granted{}} }

func (g *grants) of(uid types.UID) *granted {
	one := g.all[uid]
	if one == nil {
		if len(g.all) >= maxObjects { // a replica that only serves is never told that an object is gone
			clear(g.all)
		}
		one = &granted{troubles: map[string]*image.Failure{}, asks: rate.NewLimiter(asksPerSecond, asksAtOnce)}
		g.all[uid] = one
	}
	return one
}

// give notes that an object may hand out a digest.
func (g *grants) give(uid types.UID, digest string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	one := g.of(uid)
	if _, ok := one.troubles[digest]; ok {
		return
	}
	if len(one.order) >= maxDigests {
		delete(one.troubles, one.order[0])
		one.order = one.order[1:]
	}
	one.order = append(one.order, digest)
	one.troubles[digest] = nil
}

// has reports whether an object may hand out a digest without asking the registry.
func (g *grants) has(uid types.UID, digest string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	one, ok := g.all[uid]
	if ok {
		_, ok = one.troubles[digest]
	}
	return ok
}

// mayAsk reports whether the registry may be asked for this object's sake now.
func (g *grants) mayAsk(uid types.UID) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.of(uid).asks.Allow()
}

// note remembers how making a tarball ended; it reports whether that is news.
func (g *grants) note(uid types.UID, digest string, f *image.Failure) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	one, ok := g.all[uid]
	if !ok {
		return false
	}
	old, ok := one.troubles[digest]
	if !ok || old.Same(f) {
		return false
	}
	one.troubles[digest] = f
	return true
}

func (g *grants) trouble(uid types.UID, digest string) *image.Failure {
	g.mu.Lock()
	defer g.mu.Unlock()
	if one, ok := g.all[uid]; ok {
		return one.troubles[digest]
	}
	return nil
}

func (g *grants) take(uid types.UID) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.all, uid)
}
