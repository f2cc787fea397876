// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package contract_test

import (
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rhumb.run/rhumb/internal/registry/contract"
)

// TestDebian runs the suite on docker-registry as Debian ships it: 2.8, which knows neither referrers nor how to delete a tag.
func TestDebian(t *testing.T) { contract.Run(t, debian) }

// debian starts a docker-registry for the length of a test.
func debian(t *testing.T) http.Handler {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_ = l.Close()
	dir := t.TempDir()
	conf := filepath.Join(dir, "config.yml")
	text := "version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\nstorage:\n  filesystem: {rootdirectory: " + dir +
		"/data}\n  delete: {enabled: true}\nhttp: {addr: \"" + address + "\", relativeurls: true, secret: s}\n" +
		"validation: {manifests: {urls: {allow: [\"^https://example.com/\"]}}}\n"
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("docker-registry", "serve", conf)
	var words strings.Builder
	cmd.Stderr = &words
	if err := cmd.Start(); err != nil {
		t.Fatalf("%v: `make packages` and `test/packages test/bench/cloner/packages.txt` install it", err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
	})
	at := &url.URL{Scheme: "http", Host: address}
	for deadline := time.Now().Add(30 * time.Second); ; {
		resp, err := http.Get(at.String() + "/v2/")
		if err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				t.Fatalf("somebody else answers at %s: %s", at, resp.Status)
			}
			break
		}
		select {
		case <-ended:
			t.Fatalf("docker-registry ended: %s", words.String())
		default:
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		<-time.After(10 * time.Millisecond)
	}
	return &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(at); r.Out.Host = r.In.Host }}
}
