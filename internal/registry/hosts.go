// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"maps"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"rhumb.run/rhumb/internal/core/image"
)

// Endpoint is one address at which a registry is asked.
type Endpoint struct {
	// URL is scheme, host and, for a mirror, the path in front of its repositories.
	URL url.URL
	// LoginHost is the host whose credentials may be sent there.
	LoginHost string
	// Mirror is set where the answer is a copy's: its failure says nothing about the image.
	Mirror bool
	// CA is PEM of the authorities to trust besides the system's.
	CA string
	// TokenHosts may issue this registry's tokens, besides hosts of its own domain.
	TokenHosts []string

	own bool // it is asked as one that we write to
}

// String is the endpoint as messages show it.
func (e Endpoint) String() string { return e.URL.Scheme + "://" + e.URL.Host + e.URL.Path }

// Hosts says how each registry is reached. Its two sources are replaced as they change; the file's word goes before that of
// the cluster.
type Hosts struct {
	mu        sync.RWMutex
	file      map[string]Host
	announced map[string]Host
	policies  map[string]Host
	dialled   map[string]bool // host:port that an operator named, so that any address behind it is wanted
	changed   []func()
	expected  int           // sources that have not spoken yet
	ready     chan struct{} // closed when the last has
}

// NewHosts knows no registry: each host is reached at its own name by HTTPS.
func NewHosts() *Hosts { return &Hosts{dialled: map[string]bool{}} }

// expect makes Await wait until the function that it returns was called; it may be called again.
func (h *Hosts) expect() (arrived func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.expected == 0 {
		h.ready = make(chan struct{})
	}
	h.expected++
	return sync.OnceFunc(func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.expected--; h.expected == 0 {
			close(h.ready)
		}
	})
}

// await waits, for a few seconds at most, until all sources have spoken once, so that nobody is asked at a wrong address.
func (h *Hosts) await(ctx context.Context) {
	h.mu.RLock()
	waiting, ready := h.expected > 0, h.ready
	h.mu.RUnlock()
	if !waiting {
		return
	}
	patience := time.NewTimer(announcerPatience)
	defer patience.Stop()
	select {
	case <-ready:
	case <-ctx.Done():
	case <-patience.C:
	}
}

// SetFile replaces what the registries file says.
func (h *Hosts) SetFile(hosts []Host) { h.set(func() { h.file = byName(hosts) }) }

// SetPolicies replaces what those say who have images copied, the most important first: it counts for registries of which
// neither the file nor the cluster says anything. The authorities of AnyHost are for those that nobody says anything of.
func (h *Hosts) SetPolicies(hosts []Host) {
	h.set(func() {
		hosts = slices.Clone(hosts)
		slices.Reverse(hosts)
		h.policies = byName(hosts)
	})
}

// SetAnnounced replaces what the cluster announces.
func (h *Hosts) SetAnnounced(hosts []Host) { h.set(func() { h.announced = byName(hosts) }) }

// OnChange calls f after every change.
func (h *Hosts) OnChange(f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.changed = append(h.changed, f)
}

func (h *Hosts) set(change func()) {
	h.mu.Lock()
	change()
	h.dialled = map[string]bool{}
	for _, hosts := range []map[string]Host{h.file, h.announced, h.policies} {
		for name, c := range hosts {
			if c.nowhere() || name == AnyHost {
				continue
			}
			for _, e := range c.endpoints() {
				h.dialled[dialAddress(e.URL)] = true
			}
		}
	}
	changed := h.changed
	h.mu.Unlock()
	for _, f := range changed {
		f()
	}
}

// Endpoints are the addresses to ask for a host's images, in order; there is always one.
func (h *Hosts) Endpoints(host string) []Endpoint {
	return h.lookup(host).endpoints()
}

// Hint is what an operator could do where a host cannot be reached, if the configuration knows.
func (h *Hosts) Hint(host string) string { return h.lookup(host).hint }

func (h *Hosts) lookup(host string) Host {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if c, ok := h.file[host]; ok {
		return c
	}
	if c, ok := h.announced[host]; ok {
		return c
	}
	if c, ok := h.policies[host]; ok {
		return c
	}
	return Host{Host: host, CA: h.policies[AnyHost].CA}
}

// trusts reports whether an operator named this host:port, so that it may be on loopback or link-local.
func (h *Hosts) trusts(address string) bool {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.dialled[strings.ToLower(address)]
}

// Alias reports whether a registry that calls itself sender may be the one that images call host: it has that name or one
// of its endpoints, or it is a name that nobody configured (a forwarded port, a name of its own network).
func (h *Hosts) Alias(sender, host string) bool {
	sender = image.CanonicalHost(sender)
	if sender == host {
		return true
	}
	for _, e := range h.Endpoints(host) {
		if strings.EqualFold(e.URL.Host, sender) {
			return true
		}
	}
	return host != image.DockerHub && !h.known(sender)
}

func (h *Hosts) known(sender string) bool {
	h.mu.RLock()
	defer h.mu.RUnlock()
	_, file := h.file[sender]
	_, announced := h.announced[sender]
	return file || announced || h.dialled[sender] || sender == image.DockerHub
}

// Configured are the hosts that have an entry, with their endpoints, for logs and the status page.
func (h *Hosts) Configured() map[string][]Endpoint {
	h.mu.RLock()
	all := maps.Clone(h.announced)
	if all == nil {
		all = map[string]Host{}
	}
	maps.Copy(all, h.file)
	h.mu.RUnlock()
	out := make(map[string][]Endpoint, len(all))
	for name, c := range all {
		out[name] = c.endpoints()
	}
	return out
}

func byName(hosts []Host) map[string]Host {
	out := make(map[string]Host, len(hosts))
	for _, c := range hosts {
		out[image.CanonicalHost(c.Host)] = c
	}
	return out
}

// dialAddress is host:port as net/http dials a URL.
func dialAddress(u url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}
