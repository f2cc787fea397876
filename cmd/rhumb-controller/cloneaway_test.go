// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"k8s.io/client-go/rest"

	"rhumb.run/rhumb/api/rhumb/v1alpha1"
	"rhumb.run/rhumb/internal/registry/contract"
)

// line is what lies between a controller and the API server; it can be cut.
type line struct {
	t       *testing.T
	to      string
	address string

	mu       sync.Mutex
	listener net.Listener
	open     map[net.Conn]bool
}

// lineTo gives a line to an API server, and how it is reached by it.
func lineTo(t *testing.T, config *rest.Config) (*line, *rest.Config) {
	t.Helper()
	at, err := url.Parse(config.Host)
	if err != nil {
		t.Fatal(err)
	}
	l := &line{t: t, to: at.Host, address: "127.0.0.1:0", open: map[net.Conn]bool{}}
	l.join()
	t.Cleanup(l.cut)
	out := rest.CopyConfig(config)
	out.Host = "https://" + l.address
	return l, out
}

// join lets connections through from now on.
func (l *line) join() {
	l.t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", l.address)
	if err != nil {
		l.t.Fatal(err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.listener, l.address = listener, listener.Addr().String()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go l.carry(conn)
		}
	}()
}

func (l *line) carry(conn net.Conn) {
	far, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", l.to)
	if err != nil {
		_ = conn.Close()
		return
	}
	l.mu.Lock()
	l.open[conn], l.open[far] = true, true
	l.mu.Unlock()
	go func() { _, _ = io.Copy(far, conn); _ = far.Close() }()
	_, _ = io.Copy(conn, far)
	_ = conn.Close()
}

// cut ends all connections, and lets none through.
func (l *line) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	_ = l.listener.Close()
	for conn := range l.open {
		_ = conn.Close()
	}
	clear(l.open)
}

// While the API server is away copies go on that are under way; what became of them is written when it is back.
func TestPolicyAPIServerAway(t *testing.T) {
	c := newPolicies(t)
	line, config := lineTo(t, c.config)
	c.config = config
	digest := contract.Push(t, c.hub.URL, "library/redis:7", two(t, "redis"))
	c.policy("corp", "")
	c.deploy("web", "redis:7")
	gate := make(chan struct{})
	began := make(chan string, 100)
	c.hub.Fault(contract.On(http.MethodGet, "blob", func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		began <- r.URL.Path
		select {
		case <-gate:
		case <-t.Context().Done():
		}
		next.ServeHTTP(w, r)
	}))
	c.run()
	c.await("the copy to be under way", began)
	c.record(redis, v1alpha1.StateCopying)
	line.cut()
	close(gate)
	c.until("the copy to be there", func() (bool, string) {
		got := c.tag("mirror/docker.io/library/redis", "7")
		return got == digest, got
	})
	if got := c.images("web"); got[0] != "redis:7" {
		t.Errorf("it was changed without the API server: %q", got)
	}
	c.until("its record not to be written", func() (bool, string) {
		got := fmt.Sprint(c.complaints())
		return strings.Contains(got, "writing down a copy"), got
	})
	before := fmt.Sprint(c.hub.Tally()["GET blob"])
	line.join()
	c.untilImages("web", corp+"/docker.io/library/redis:7")
	c.record(redis, v1alpha1.StateReady)
	c.ready("corp", v1alpha1.ReadyReason)
	if got := fmt.Sprint(c.hub.Tally()["GET blob"]); got != before {
		t.Errorf("%s blobs were read before it was back, and %s in the end", before, got)
	}
}
