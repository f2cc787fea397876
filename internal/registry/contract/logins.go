// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"rhumb.run/rhumb/internal/core/image"
)

var quiet = log.New(io.Discard, "", 0)

// Wall stands between fronts: a test in which a credential that was shown to one of them is shown to another fails.
type Wall struct {
	t *testing.T

	mu    sync.Mutex
	shown map[string]*Front // credential → to whom it was shown first
	ended bool
}

var walls sync.Map // *testing.T → *Wall

// NewWall is for a script, which is a test without a name of its own; the fronts of a test share one anyway.
func NewWall(t *testing.T) *Wall {
	w := &Wall{t: t, shown: map[string]*Front{}}
	t.Cleanup(w.end)
	return w
}

func wallOf(t *testing.T) *Wall {
	if w, known := walls.Load(t); known {
		return w.(*Wall)
	}
	w, known := walls.LoadOrStore(t, NewWall(t))
	if !known {
		t.Cleanup(func() { walls.Delete(t) })
	}
	return w.(*Wall)
}

// end keeps a request that comes late from failing a test that is over.
func (w *Wall) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = true
}

// look fails the test if a credential is not where it belongs.
func (w *Wall) look(f *Front, r *http.Request) {
	shown := credentials(r) // which may wait for the body
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range shown {
		first, known := w.shown[c]
		if !known {
			w.shown[c] = f
			continue
		}
		if first != f && !w.ended {
			w.t.Errorf("a credential of %s was shown to %s: %s %s", first.URL, f.URL, r.Method, r.URL.Path)
		}
	}
}

// credentials are what a request shows of somebody.
func credentials(r *http.Request) []string {
	var out []string
	for _, v := range r.Header.Values("Authorization") {
		scheme, rest, _ := strings.Cut(v, " ")
		if strings.EqualFold(scheme, "basic") {
			if raw, err := base64.StdEncoding.DecodeString(rest); err == nil {
				_, rest, _ = strings.Cut(string(raw), ":")
			}
		}
		out = append(out, rest)
	}
	said := r.URL.Query()
	for field, values := range form(r) {
		said[field] = append(said[field], values...)
	}
	for _, field := range []string{"refresh_token", "password", "token"} {
		for _, v := range said[field] {
			if v != "" {
				out = append(out, v)
			}
		}
	}
	return out
}

// form is what a request says in a form, as they are sent to token services; who answers can read it again.
func form(r *http.Request) url.Values {
	if kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); kind != "application/x-www-form-urlencoded" {
		return nil
	}
	raw, err := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(raw))
	values, unread := url.ParseQuery(string(raw))
	if err != nil || unread != nil {
		return nil
	}
	return values
}

// Basic asks for a login, as Basic, and returns it for images of host.
func (f *Front) Basic(host, user string) image.Logins {
	l := loginFor(host, user)
	f.guard(func(w http.ResponseWriter, r *http.Request) bool {
		if _, password, ok := r.BasicAuth(); ok && password == string(l.Password) {
			return true
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
		Status(http.StatusUnauthorized, "UNAUTHORIZED: log in")(w, r, nil)
		return false
	})
	return image.Logins{l}
}

// Tokens asks for a login, as Docker Hub does: by a token of its token service for each repository.
func (f *Front) Tokens(host, user string) image.Logins {
	l := loginFor(host, user)
	f.guard(func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/token" {
			f.issue(w, r, string(l.Password))
			return false
		}
		_, repository := kind(r)
		action := "pull"
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			action = "push"
		}
		if r.Method == http.MethodDelete {
			action = "delete"
		}
		token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		f.mu.Lock()
		scopes, known := f.tokens[token]
		f.mu.Unlock()
		if known && slices.ContainsFunc(strings.Fields(scopes), func(s string) bool {
			rest, ok := strings.CutPrefix(s, "repository:"+repository+":")
			return ok && slices.Contains(strings.Split(rest, ","), action)
		}) {
			return true
		}
		w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="%s/token",service="test",scope="repository:%s:%s"`, f.URL, repository, action))
		Status(http.StatusUnauthorized, "UNAUTHORIZED: show a token")(w, r, nil)
		return false
	})
	return image.Logins{l}
}

// Expire makes all tokens so far worthless.
func (f *Front) Expire() {
	f.mu.Lock()
	defer f.mu.Unlock()
	clear(f.tokens)
}

func (f *Front) issue(w http.ResponseWriter, r *http.Request, password string) {
	if _, shown, ok := r.BasicAuth(); !ok || shown != password {
		Status(http.StatusUnauthorized, "UNAUTHORIZED: wrong login")(w, r, nil)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.issued++
	token := fmt.Sprintf("token-%s-%d", password, f.issued)
	f.tokens[token] = strings.Join(r.URL.Query()["scope"], " ")
	_, _ = fmt.Fprintf(w.(*recorder).ResponseWriter, `{"token":%q,"expires_in":300}`, token)
}

func (f *Front) guard(gate func(http.ResponseWriter, *http.Request) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.gate = gate
}

func loginFor(host, user string) image.Login {
	return image.Login{Host: host, From: "the login of " + user, Username: user, Password: image.Secret("of-" + user + "-" + host)}
}
