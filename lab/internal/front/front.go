// SPDX-License-Identifier: Apache-2.0

package front

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"

	"rhumb.run/rhumb/lab/internal/password"
	"rhumb.run/rhumb/lab/internal/pki"
)

// Front is the server of every outside name.
type Front struct {
	authority *pki.Authority
	hosts     map[string]http.Handler

	mu     sync.Mutex
	minted map[string]*tls.Certificate
}

// Names are what a Front answers for, and who answers behind it.
type Names struct {
	Git, Registry       []string
	GitURL, RegistryURL *url.URL
	Password            string // of whoever writes to the registry
}

// New makes a Front whose certificates an authority signs.
func New(a *pki.Authority, n Names) *Front {
	f := &Front{authority: a, hosts: map[string]http.Handler{}, minted: map[string]*tls.Certificate{}}
	for _, name := range n.Git {
		f.hosts[name] = behind(n.GitURL)
	}
	for _, name := range n.Registry {
		f.hosts[name] = guarded(n.Password, behind(n.RegistryURL))
	}
	return f
}

// behind passes requests on as they came, with the host that they asked for:
// git's page and the registry's redirects are made of it, and so are the
// registry's notifications, which are to name images as people do.
func behind(target *url.URL) http.Handler {
	return &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.SetXForwarded()
		r.Out.Host = r.In.Host
	}}
}

// ServeHTTP implements http.Handler.
func (f *Front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h, ok := f.hosts[hostname(r.Host)]; ok {
		h.ServeHTTP(w, r)
		return
	}
	http.Error(w, "this lab does not answer for that name", http.StatusMisdirectedRequest)
}

// hostname is what a client asked for, without a port.
func hostname(hostport string) string {
	if host, _, err := net.SplitHostPort(hostport); err == nil {
		hostport = host
	}
	return strings.ToLower(strings.TrimSuffix(hostport, "."))
}

// Certificate is the one for the name that a client says it wants, made when it
// is asked for the first time.
func (f *Front) Certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	name := hostname(hello.ServerName)
	if _, ok := f.hosts[name]; !ok {
		return nil, fmt.Errorf("no certificate for %q: this lab does not answer for that name", name)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if c := f.minted[name]; c != nil {
		return c, nil
	}
	c, err := f.authority.Issue(name)
	if err != nil {
		return nil, err
	}
	f.minted[name] = c
	return c, nil
}

// guarded lets anybody read from a registry, and only the user write, the way
// that registries say so. A password that is wrong is in nobody's way until
// something is to be written: that is where a push is refused, and not where
// a build looks for its builder.
func guarded(secret string, registry http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reads := r.Method == http.MethodGet || r.Method == http.MethodHead
		// Clients ask at /v2/ how they are to log in, and whether they have; an open
		// door would tell them that nobody has to.
		asksHow := strings.TrimSuffix(r.URL.Path, "/") == "/v2"
		if (!reads || asksHow) && !password.Known(r, secret) {
			w.Header().Set("WWW-Authenticate", `Basic realm="rhumb-lab"`)
			w.Header().Set("Docker-Distribution-Api-Version", "registry/2.0")
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = w.Write([]byte(`{"errors":[{"code":"UNAUTHORIZED","message":"authentication required","detail":null}]}` + "\n"))
			return
		}
		r.Header.Del("Authorization") // the registry has no use for it
		registry.ServeHTTP(w, r)
	})
}
