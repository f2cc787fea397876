// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"crypto/rand"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"time"
)

// The names of Docker Hub that mean something of their own; by all others it
// is the registry.
const (
	auth = "auth.docker.io"
	cdn  = "production.cloudflare.docker.com"
)

// Hub answers as Docker Hub does.
type Hub struct {
	registry http.Handler
	password string // of whoever pushes, and of whoever sees what is private
	key      []byte // signs tokens and redirects; a restart makes all of them worthless
	now      func() time.Time
	limit    limit
	pace     atomic.Int64 // bytes a second of each blob; as fast as it goes if zero
	log      record
}

// New puts a hub before a registry that lets everybody do everything.
func New(registry http.Handler, password string, now func() time.Time) *Hub {
	return &Hub{registry: registry, password: password, key: []byte(rand.Text()), now: now}
}

// asked is what a request of the registry is about.
type asked struct{ repository, kind, reference string }

var path = regexp.MustCompile(`^/v2/(.+?)/(manifests|blobs|tags|referrers)/(.*)$`)

func parse(r *http.Request) asked {
	m := path.FindStringSubmatch(r.URL.Path)
	if m == nil {
		return asked{kind: "ping"}
	}
	return asked{m[1], m[2], m[3]}
}

// action is what a client needs to be allowed, as scopes call it.
func action(r *http.Request) string {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return "pull"
	}
	return "push"
}

// ServeHTTP implements http.Handler: what the outside world sees.
func (h *Hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if user, _, ok := r.BasicAuth(); ok {
		h.log.login(user)
	}
	host := hostname(r.Host)
	switch {
	case host == auth && r.URL.Path == "/token":
		h.log.count(r.Method + " token")
		h.issue(w, r)
	case host == cdn:
		h.log.count(r.Method + " blob data")
		h.data(w, r)
	case host != auth && (r.URL.Path == "/v2" || strings.HasPrefix(r.URL.Path, "/v2/")):
		a := parse(r)
		h.log.count(r.Method + " " + a.kind)
		h.serve(w, r, a)
	default:
		http.NotFound(w, r)
	}
}

// serve is the registry for those who hold a token.
func (h *Hub) serve(w http.ResponseWriter, r *http.Request, a asked) {
	account, ok := h.admit(w, r, a)
	if !ok {
		return
	}
	if a.kind == "manifests" && action(r) == "pull" && account == "" {
		source, _, _ := net.SplitHostPort(r.RemoteAddr)
		if !h.limit.pass(w.Header(), source, r.Method == http.MethodGet, h.now()) {
			refuse(w, http.StatusTooManyRequests, "TOOMANYREQUESTS",
				"You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit")
			return
		}
	}
	if a.kind == "blobs" && r.Method == http.MethodGet && strings.HasPrefix(a.reference, "sha256:") {
		http.Redirect(w, r, h.elsewhere(a), http.StatusTemporaryRedirect)
		return
	}
	r.Header.Del("Authorization") // the registry has no use for it
	h.registry.ServeHTTP(w, r)
}

// validity is how long tokens and redirects are good.
const validity = 5 * time.Minute

// elsewhere is the URL of a blob's data, for whoever has it, for a while.
func (h *Hub) elsewhere(a asked) string {
	until := h.now().Add(validity)
	q := url.Values{"repository": {a.repository}, "expires": {fmt.Sprint(until.Unix())}}
	q.Set("verify", h.sign(a.repository+" "+a.reference+" "+q.Get("expires")))
	return "https://" + cdn + "/registry-v2/" + a.reference + "?" + q.Encode()
}

// data answers for signed URLs. As storage does, it takes one proof of who is
// asking, and no second.
func (h *Hub) data(w http.ResponseWriter, r *http.Request) {
	q, digest := r.URL.Query(), strings.TrimPrefix(r.URL.Path, "/registry-v2/")
	var expires int64
	_, err := fmt.Sscan(q.Get("expires"), &expires)
	switch {
	case r.Header.Get("Authorization") != "":
		http.Error(w, "only one way to prove who is asking: the URL is signed, and there is an Authorization header", http.StatusBadRequest)
		return
	case err != nil || h.now().Unix() > expires || !h.signed(q.Get("repository")+" "+digest+" "+q.Get("expires"), q.Get("verify")):
		http.Error(w, "this URL is signed by nobody, or no longer good", http.StatusForbidden)
		return
	}
	r.URL.Path, r.URL.RawPath, r.URL.RawQuery = "/v2/"+q.Get("repository")+"/blobs/"+digest, "", ""
	if pace := h.pace.Load(); pace > 0 {
		w = paced{w, r.Context(), pace}
	}
	h.registry.ServeHTTP(w, r)
}

// hostname is what a client asked for, without a port.
func hostname(hostport string) string {
	if host, _, err := net.SplitHostPort(hostport); err == nil {
		hostport = host
	}
	return strings.ToLower(strings.TrimSuffix(hostport, "."))
}

// refuse answers as registries do.
func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Docker-Distribution-Api-Version", "registry/2.0")
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `{"errors":[{"code":%q,"message":%q,"detail":null}]}`+"\n", code, message)
}
