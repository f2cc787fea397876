// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"

	"rhumb.run/rhumb/internal/testkit/controlplane"
)

func TestMain(m *testing.M) { os.Exit(controlplane.Run(m)) }

// patience bounds how long a test waits for what must come.
const patience = 60 * time.Second

func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	err := wait.PollUntilContextTimeout(t.Context(), 10*time.Millisecond, patience, true, func(context.Context) (bool, error) { return holds(), nil })
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

// front is an API server with a kubelet behind it: the real one answers all but
// logs, which are what a test writes.
type front struct {
	mu   sync.Mutex
	logs map[string][]*book
	wake chan struct{}
	// as is somebody with fewer rights.
	as string
}

// book is the log of one life of a container.
type book struct {
	lines []string
	ended bool
	// cut breaks the streams that are open now.
	cut int
}

// open starts a front and returns it with a Cluster that sees a namespace through it.
func open(t *testing.T) (*front, *Cluster) {
	t.Helper()
	config := controlplane.Shared(t)
	round, err := rest.TransportFor(config)
	if err != nil {
		t.Fatal(err)
	}
	at, err := url.Parse(config.Host)
	if err != nil {
		t.Fatal(err)
	}
	f := &front{logs: map[string][]*book{}, wake: make(chan struct{})}
	proxy := &httputil.ReverseProxy{Transport: round, FlushInterval: -1, Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(at) }}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/log") {
			f.serve(w, r)
			return
		}
		if f.as != "" {
			r.Header.Set("Impersonate-User", f.as)
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	file := controlplane.Kubeconfig(t, &rest.Config{Host: server.URL}, controlplane.Namespace(t))
	c, err := Open(Options{Kubeconfig: file})
	if err != nil {
		t.Fatal(err)
	}
	return f, c
}

func (f *front) change(by func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	by()
	close(f.wake)
	f.wake = make(chan struct{})
}

// begin is a new life of a container.
func (f *front) begin(pod, container string) *book {
	b := &book{}
	f.change(func() { f.logs[pod+"/"+container] = append(f.logs[pod+"/"+container], b) })
	return b
}

// write adds lines, each with its time.
func (f *front) write(b *book, lines ...string) {
	f.change(func() { b.lines = append(b.lines, lines...) })
}

func (f *front) end(b *book) { f.change(func() { b.ended = true }) }

func (f *front) cut(b *book) { f.change(func() { b.cut++ }) }

func (f *front) serve(w http.ResponseWriter, r *http.Request) {
	parts := strings.Split(r.URL.Path, "/")
	q := r.URL.Query()
	f.mu.Lock()
	lives := f.logs[parts[len(parts)-2]+"/"+q.Get("container")]
	f.mu.Unlock()
	at := len(lives) - 1
	if q.Get("previous") == "true" {
		at--
	}
	if at < 0 {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"BadRequest","code":400,"message":"waiting to start"}`) //nolint:errcheck // who asked may have gone
		return
	}
	f.stream(w, r, lives[at], since(q))
}

// stream writes lines, as a kubelet does: those of whole seconds, and until the container ends.
func (f *front) stream(w http.ResponseWriter, r *http.Request, b *book, from time.Time) {
	f.mu.Lock()
	cuts := b.cut
	f.mu.Unlock()
	w.WriteHeader(http.StatusOK)
	for at := 0; ; {
		f.mu.Lock()
		lines, ended, cut, wake := b.lines[at:], b.ended, b.cut > cuts, f.wake
		f.mu.Unlock()
		if cut {
			panic(http.ErrAbortHandler)
		}
		for _, l := range lines {
			if when, _ := stamp(l); !when.Before(from) {
				fmt.Fprintln(w, l) //nolint:errcheck // who asked may have gone
			}
		}
		at += len(lines)
		w.(http.Flusher).Flush()
		if ended || r.URL.Query().Get("follow") != "true" {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-wake:
		}
	}
}

func since(q url.Values) time.Time {
	if at, err := time.Parse(time.RFC3339, q.Get("sinceTime")); err == nil {
		return at
	}
	if s, err := strconv.Atoi(q.Get("sinceSeconds")); err == nil {
		return time.Now().Add(-time.Duration(s) * time.Second)
	}
	return time.Time{}
}
