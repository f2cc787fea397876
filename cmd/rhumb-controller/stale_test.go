// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"k8s.io/client-go/kubernetes"
)

// stale answers the first list of each kind with what was true some time ago, as
// an API server does whose watch cache lags behind. The watch that follows
// starts there, but says nothing before the controller has acted upon it and said
// so in a status.
type stale struct {
	mu    sync.Mutex
	old   map[string][]byte
	lags  map[string]bool
	acted chan struct{}
}

// remember lists what the controller will be shown later.
func (b *bed) remember() *stale {
	b.t.Helper()
	client, err := kubernetes.NewForConfig(b.config)
	if err != nil {
		b.t.Fatal(err)
	}
	s := &stale{old: map[string][]byte{}, lags: map[string]bool{}, acted: make(chan struct{})}
	for _, path := range []string{"/api/v1/configmaps", "/apis/runs.rhumb.test/v1/trials"} {
		raw, err := client.RESTClient().Get().AbsPath(path).DoRaw(context.Background())
		if err != nil {
			b.t.Fatal(err)
		}
		s.old[path], s.lags[path] = raw, true
	}
	return s
}

func (s *stale) wrap(next http.RoundTripper) http.RoundTripper {
	var once sync.Once
	return tripper(func(r *http.Request) (*http.Response, error) {
		if r.Method != http.MethodGet && strings.HasSuffix(r.URL.Path, "/app/status") {
			once.Do(func() { close(s.acted) })
		}
		q := r.URL.Query()
		switch {
		case r.Method != http.MethodGet || !s.lags[r.URL.Path]:
		case q.Get("sendInitialEvents") != "":
			// A list by way of a watch: refused, it is asked for as a list.
			return answer(r, http.StatusBadRequest, []byte(`{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Invalid","code":400}`)), nil
		case q.Get("watch") != "":
			select {
			case <-s.acted:
			case <-r.Context().Done():
				return nil, r.Context().Err()
			}
		default:
			if body := s.take(r.URL.Path); body != nil {
				return answer(r, http.StatusOK, body), nil
			}
		}
		return next.RoundTrip(r)
	})
}

func (s *stale) take(path string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	body := s.old[path]
	delete(s.old, path)
	return body
}

func answer(r *http.Request, code int, body []byte) *http.Response {
	return &http.Response{
		StatusCode: code, Status: http.StatusText(code), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
	}
}

// shown waits until the controller was shown the past.
func (s *stale) shown(b *bed) {
	b.t.Helper()
	b.until("all kinds were listed as they were", func() (bool, string) {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.old) == 0, fmt.Sprint(len(s.old), " were not")
	})
}

// TestStaleCacheAfterRestart starts the controller with a memory of the time
// before its own last writes.
func TestStaleCacheAfterRestart(t *testing.T) {
	t.Run("NothingChanged", func(t *testing.T) {
		b := newWhole(t)
		stop := b.start(nil)
		b.rests("one", "one")
		old := b.remember()
		b.want("two")
		b.rests("two", "one", "two")
		stop()
		b.start(old.wrap)
		old.shown(b)
		b.want("three") // goes last through the same queues
		b.rests("three", "one", "two", "three")
	})
	t.Run("OtherWishes", func(t *testing.T) {
		b := newWhole(t)
		stop := b.start(nil)
		b.rests("one", "one")
		old := b.remember()
		b.want("two")
		b.rests("two", "one", "two")
		stop()
		b.want("three") // two is on record, and not in memory
		b.start(old.wrap)
		old.shown(b)
		b.rests("three", "one", "two", "three")
	})
	t.Run("OtherPath", func(t *testing.T) {
		b := newWhole(t)
		old := b.remember()
		stop := b.start(nil)
		b.rests("one", "one")
		stop()
		b.merge(b.client.Resource(cartoResource("clustersupplychains")), b.ns, `{spec: {resources: [{name: note, templateRef: {kind: ClusterConfigTemplate, name: `+b.ns+`-note}}]}}`)
		b.start(old.wrap)
		old.shown(b)
		b.gone("app-last") // though it was never seen
	})
}
