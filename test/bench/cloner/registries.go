// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"rhumb.run/rhumb/test/e2e/rig"
)

// store is one docker-registry, with a counter before it.
type store struct {
	cmd   *exec.Cmd
	front *httptest.Server

	mu       sync.Mutex
	requests map[string]int // "METHOD manifest"
	in       int64
}

// newStore starts a registry that keeps its files in a folder.
func newStore(ctx context.Context, dir string) (*store, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	address := l.Addr().String()
	_ = l.Close()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	conf := filepath.Join(dir, "config.yml")
	text := fmt.Sprintf("version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\nstorage:\n  filesystem: {rootdirectory: %s}\nhttp: {addr: %q, relativeurls: true}\n", filepath.Join(dir, "data"), address)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		return nil, err
	}
	s := &store{cmd: exec.CommandContext(ctx, "docker-registry", "serve", conf), requests: map[string]int{}}
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting docker-registry: %w", err)
	}
	behind := &url.URL{Scheme: "http", Host: address}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(behind); r.Out.Host = r.In.Host }, Transport: &http.Transport{MaxIdleConnsPerHost: 64, WriteBufferSize: 64 << 10, ReadBufferSize: 64 << 10}}
	s.front = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.count(r)
		r.Body = &counted{ReadCloser: r.Body, s: s}
		proxy.ServeHTTP(w, r)
	}))
	err = rig.Until(ctx, "docker-registry to answer", 20*time.Millisecond, func() (bool, string) {
		resp, err := http.Get(behind.String() + "/v2/")
		if err != nil {
			return false, err.Error()
		}
		_ = resp.Body.Close()
		return resp.StatusCode == http.StatusOK, resp.Status
	})
	if err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

// host is how images name the registry.
func (s *store) host() string { return strings.TrimPrefix(s.front.URL, "http://") }

func (s *store) stop() {
	if s.front != nil {
		s.front.Close()
	}
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
}

// take gives what was counted, and begins anew.
func (s *store) take() (requests map[string]int, in int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	requests, in = s.requests, s.in
	s.requests, s.in = map[string]int{}, 0
	return requests, in
}

func (s *store) count(r *http.Request) {
	kind := "other"
	for part, k := range map[string]string{"/manifests/": "manifest", "/blobs/": "blob"} {
		if strings.Contains(r.URL.Path, part) {
			kind = k
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests[r.Method+" "+kind]++
}

// counted counts what is sent to a registry.
type counted struct {
	io.ReadCloser
	s *store
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.s.in += int64(n)
	return n, err
}
