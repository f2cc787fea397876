// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"rhumb.run/rhumb/lab/internal/socket"
)

// State is what a hub says of itself to whoever runs the lab.
type State struct {
	Requests map[string]int `json:"requests"` // by method and kind, since it started
	Logins   map[string]int `json:"logins"`   // users whose password was shown to it, whatever it was
	Limit    Limit          `json:"limit"`
	Pace     int64          `json:"pace"` // bytes a second of each blob
}

// record is what a State is made of.
type record struct {
	mu               sync.Mutex
	requests, logins map[string]int
}

func (r *record) count(what string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.requests == nil {
		r.requests = map[string]int{}
	}
	r.requests[what]++
}

func (r *record) login(user string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.logins == nil {
		r.logins = map[string]int{}
	}
	r.logins[user]++
}

// Inside is for who runs the lab: the registry without tokens or limits, so
// that images can be put there; and how it is.
func (h *Hub) Inside() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/v2/", h.registry)
	mux.HandleFunc("GET /state", func(w http.ResponseWriter, _ *http.Request) {
		h.log.mu.Lock()
		s := State{maps.Clone(h.log.requests), maps.Clone(h.log.logins), Limit{}, 0}
		h.log.mu.Unlock()
		s.Limit, s.Pace = h.limit.get(), h.pace.Load()
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(s)
	})
	mux.HandleFunc("PUT /limit", func(w http.ResponseWriter, r *http.Request) {
		to, err := ParseLimit(r.URL.Query().Get("is"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		h.limit.set(to)
	})
	mux.HandleFunc("PUT /pace", func(w http.ResponseWriter, r *http.Request) {
		to, err := ParsePace(r.URL.Query().Get("is"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		h.pace.Store(to)
	})
	return mux
}

// Ask asks the hub behind a socket how it is.
func Ask(ctx context.Context, path string) (State, error) {
	var s State
	raw, err := call(ctx, path, http.MethodGet, "/state")
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(raw, &s); err != nil {
		return s, fmt.Errorf("reading what the hub says: %w", err)
	}
	return s, nil
}

// SetLimit has the hub behind a socket begin anew with a limit, as ParseLimit
// reads it.
func SetLimit(ctx context.Context, path, limit string) error {
	_, err := call(ctx, path, http.MethodPut, "/limit?is="+url.QueryEscape(limit))
	return err
}

// SetPace has the hub behind a socket send blobs at a pace, as ParsePace reads it.
func SetPace(ctx context.Context, path, pace string) error {
	_, err := call(ctx, path, http.MethodPut, "/pace?is="+url.QueryEscape(pace))
	return err
}

func call(ctx context.Context, path, method, target string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://hub"+target, nil)
	if err != nil {
		return nil, fmt.Errorf("asking the hub: %w", err)
	}
	resp, err := socket.Client(path).Do(req)
	if err != nil {
		return nil, fmt.Errorf("asking the hub (is there one, by 'rhumb-lab up --outside docker.io=hub', and does it run?): %w", err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("reading what the hub says: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, errors.New(strings.TrimSpace(string(raw)))
	}
	return raw, nil
}

// Transport carries requests for any host to the hub behind a socket.
func Transport(path string) http.RoundTripper {
	return plain{&http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return socket.Dial(ctx, path) }}}
}

// plain speaks HTTP where HTTPS was asked for: what is behind needs no proof of who it is.
type plain struct{ next http.RoundTripper }

func (p plain) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL.Scheme = "http"
	return p.next.RoundTrip(r)
}
