// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"rhumb.run/rhumb/internal/registry"
)

// Host is how images name the registry behind a Front.
const Host = "reg.example.com:5000"

// Front stands before a registry, over real HTTP: it counts the requests and answers in the registry's place when told to.
type Front struct {
	*httptest.Server
	next http.Handler

	mu    sync.Mutex
	asked []string
	fault func(w http.ResponseWriter, r *http.Request, next http.Handler)
}

// NewFront serves a registry for the length of a test.
func NewFront(t *testing.T, next http.Handler) *Front {
	t.Helper()
	f := &Front{next: next}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		f.asked = append(f.asked, r.Method+" "+r.URL.Path)
		fault := f.fault
		f.mu.Unlock()
		if fault != nil {
			fault(w, r, next)
			return
		}
		next.ServeHTTP(w, r)
	}))
	t.Cleanup(f.Close)
	return f
}

// Fault answers instead of the registry, which it is given; nil ends it.
func (f *Front) Fault(fault func(w http.ResponseWriter, r *http.Request, next http.Handler)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fault = fault
}

// Asked returns the requests since it was called last, as "METHOD /path".
func (f *Front) Asked() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	asked := f.asked
	f.asked = nil
	return asked
}

// Count returns how many of the requests had a method.
func Count(asked []string, method string) int {
	return len(slices.DeleteFunc(slices.Clone(asked), func(s string) bool { return !strings.HasPrefix(s, method+" ") }))
}

// Hosts reach the front as Host.
func (f *Front) Hosts() *registry.Hosts { return Reach(map[string]*Front{Host: f}) }

// Reach are hosts that reach fronts by names.
func Reach(fronts map[string]*Front) *registry.Hosts {
	var hosts []registry.Host
	for name, f := range fronts {
		hosts = append(hosts, registry.Host{Host: name, Endpoint: f.URL})
	}
	h := registry.NewHosts()
	h.SetFile(hosts)
	return h
}
