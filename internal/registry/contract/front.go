// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"fmt"
	"io"
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

// Fault answers instead of a registry, which it is given.
type Fault func(w http.ResponseWriter, r *http.Request, next http.Handler)

// Front stands before a registry, over real HTTP, in every test that talks to one: it records what is asked and how many
// bytes go which way, asks for a login if told to, and misbehaves if told to. A test in which a credential that was shown to
// one front is shown to another fails.
type Front struct {
	*httptest.Server
	next http.Handler
	wall *Wall

	mu       sync.Mutex
	asked    []string
	requests []*Request
	fault    Fault
	gate     func(w http.ResponseWriter, r *http.Request) bool
	tokens   map[string]string // token → what it is for
	issued   int
	start    func(*testing.T) http.Handler
}

// Request is one that a front was asked.
type Request struct {
	Method, Path, Query string
	// Kind is manifest, blob, upload, tags, referrers, token, ping or other.
	Kind string
	// Repository is empty where the request is about none.
	Repository string
	// In and Out are bytes of bodies; Code is the answer's.
	In, Out int64
	Code    int
}

// NewFront serves a registry for the length of a test.
func NewFront(t *testing.T, next http.Handler) *Front {
	t.Helper()
	f := newFront(t, next)
	f.Start()
	return f
}

// NewTLSFront is NewFront with a certificate that nobody knows: Certificate() is its authority.
func NewTLSFront(t *testing.T, next http.Handler) *Front {
	t.Helper()
	f := newFront(t, next)
	f.StartTLS()
	return f
}

// Front serves a registry on one side of a wall, for the length of its test.
func (w *Wall) Front(next http.Handler) *Front {
	f := w.front(next)
	f.Start()
	return f
}

func newFront(t *testing.T, next http.Handler) *Front { return wallOf(t).front(next) }

func (w *Wall) front(next http.Handler) *Front {
	f := &Front{next: next, wall: w, tokens: map[string]string{}}
	f.Server = httptest.NewUnstartedServer(f)
	f.Config.ErrorLog = quiet
	w.t.Cleanup(func() { f.Close() })
	return f
}

// ServeHTTP records a request, and answers it, or has the registry answer.
func (f *Front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := &Request{Method: r.Method, Path: r.URL.Path, Query: r.URL.RawQuery}
	q.Kind, q.Repository = kind(r)
	f.mu.Lock()
	f.asked = append(f.asked, r.Method+" "+r.URL.Path)
	f.requests = append(f.requests, q)
	fault, gate, next := f.fault, f.gate, f.next
	f.mu.Unlock()
	f.wall.look(f, r)
	r.Body = &counted{ReadCloser: r.Body, f: f, n: &q.In}
	rec := &recorder{ResponseWriter: w, f: f, q: q}
	switch {
	case gate != nil && !gate(rec, r):
	case fault != nil:
		fault(rec, r, next)
	default:
		next.ServeHTTP(rec, r)
	}
}

// Fault answers instead of the registry from now on; nil ends it.
func (f *Front) Fault(fault Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fault = fault
}

// Empty puts an empty registry behind the front, as if it had lost its storage.
func (f *Front) Empty(t *testing.T) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.next = f.start(t)
}

// Asked returns the requests since it was called last, as "METHOD /path".
func (f *Front) Asked() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	asked := f.asked
	f.asked = nil
	return asked
}

// Requests are those since Forget was called last.
func (f *Front) Requests() []Request {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := make([]Request, 0, len(f.requests))
	for _, q := range f.requests {
		out = append(out, *q)
	}
	return out
}

// Forget forgets the requests so far.
func (f *Front) Forget() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked, f.requests = nil, nil
}

// Tally counts requests by "METHOD kind", such as "HEAD manifest".
func (f *Front) Tally() map[string]int {
	out := map[string]int{}
	for _, q := range f.Requests() {
		out[q.Method+" "+q.Kind]++
	}
	return out
}

// Moved is how many bytes of bodies came in and went out.
func (f *Front) Moved() (in, out int64) {
	for _, q := range f.Requests() {
		in, out = in+q.In, out+q.Out
	}
	return in, out
}

// Count returns how many of the requests had a method.
func Count(asked []string, method string) int {
	return len(slices.DeleteFunc(slices.Clone(asked), func(s string) bool { return !strings.HasPrefix(s, method+" ") }))
}

// kind says what a request is about.
func kind(r *http.Request) (kind, repository string) {
	path, ok := strings.CutPrefix(r.URL.Path, "/v2/")
	switch {
	case r.URL.Path == "/token":
		return "token", ""
	case !ok:
		return "other", ""
	case path == "":
		return "ping", ""
	}
	for part, kind := range map[string]string{"/manifests/": "manifest", "/blobs/uploads/": "upload", "/tags/list": "tags", "/referrers/": "referrers"} {
		if at := strings.LastIndex(path, part); at > 0 {
			return kind, path[:at]
		}
	}
	if at := strings.LastIndex(path, "/blobs/"); at > 0 {
		return "blob", path[:at]
	}
	return "other", ""
}

// counted counts what comes in.
type counted struct {
	io.ReadCloser
	f *Front
	n *int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.f.mu.Lock()
	defer c.f.mu.Unlock()
	*c.n += int64(n)
	return n, err
}

// recorder counts what goes out.
type recorder struct {
	http.ResponseWriter
	f *Front
	q *Request
}

func (w *recorder) WriteHeader(code int) {
	w.note(func() { w.q.Code = code })
	w.ResponseWriter.WriteHeader(code)
}

func (w *recorder) Write(p []byte) (int, error) {
	n, err := w.ResponseWriter.Write(p)
	w.note(func() {
		w.q.Out += int64(n)
		if w.q.Code == 0 {
			w.q.Code = http.StatusOK
		}
	})
	return n, err
}

func (w *recorder) note(what func()) {
	w.f.mu.Lock()
	defer w.f.mu.Unlock()
	what()
}

// Unwrap lets a http.ResponseController through, to flush.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

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

// On is a fault for requests of a method and a kind alone; "" is any.
func On(method, of string, fault Fault) Fault {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if k, _ := kind(r); (method == "" || method == r.Method) && (of == "" || of == k) {
			fault(w, r, next)
			return
		}
		next.ServeHTTP(w, r)
	}
}

// Status answers with a code, what registries say beside it, and headers in pairs.
func Status(code int, words string, headers ...string) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(code)
		if words != "" {
			code, message, _ := strings.Cut(words, ": ")
			_, _ = fmt.Fprintf(w, `{"errors":[{"code":%q,"message":%q}]}`, code, message)
		}
	}
}
