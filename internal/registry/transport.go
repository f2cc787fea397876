// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"sync"
	"time"
)

const (
	maxRedirects = 5
	// buffer is what a connection reads and writes at once: blobs go through it.
	buffer = 64 << 10
)

var (
	errRedirects = errors.New("more than 5 redirects")
	errDowngrade = errors.New("a redirect from https to http")
)

// clients are the HTTP clients, one for each set of authorities, so that connections are shared by all who may share them.
type clients struct {
	hosts *Hosts
	proxy func(*http.Request) (*url.URL, error)

	mu   sync.Mutex
	byCA map[string]*http.Client
}

func (c *clients) of(ca string) *http.Client {
	c.mu.Lock()
	defer c.mu.Unlock()
	if hc, ok := c.byCA[ca]; ok {
		return hc
	}
	conf := &tls.Config{MinVersion: tls.VersionTLS12}
	if ca != "" {
		pool, err := x509.SystemCertPool()
		if err != nil {
			pool = x509.NewCertPool()
		}
		pool.AppendCertsFromPEM([]byte(ca))
		conf.RootCAs = pool
	}
	hc := &http.Client{CheckRedirect: redirect, Transport: &http.Transport{
		Proxy:       c.proxied,
		DialContext: dialer(c.trusts),
		// HTTP/2 to a registry of a tenant's choice is surface without need; a poll is one small request.
		TLSClientConfig:        conf,
		TLSHandshakeTimeout:    10 * time.Second,
		ReadBufferSize:         buffer,
		WriteBufferSize:        buffer,
		IdleConnTimeout:        90 * time.Second,
		MaxIdleConns:           200,
		MaxIdleConnsPerHost:    8,
		MaxResponseHeaderBytes: 64 << 10,
	}}
	c.byCA[ca] = hc
	return hc
}

// reset forgets the clients, after the configuration changed.
func (c *clients) reset() {
	c.mu.Lock()
	old := c.byCA
	c.byCA = map[string]*http.Client{}
	c.mu.Unlock()
	for _, hc := range old {
		hc.CloseIdleConnections()
	}
}

// proxied asks the environment's proxy settings. A proxy dials in our place, so that an address we would refuse must not be
// handed to it either, as far as it can be seen.
func (c *clients) proxied(r *http.Request) (*url.URL, error) {
	u, err := c.proxy(r)
	if err != nil || u == nil {
		return nil, err
	}
	if ip, err := netip.ParseAddr(r.URL.Hostname()); err == nil && !c.hosts.trusts(dialAddress(*r.URL)) {
		if kind := forbidden(ip); kind != "" {
			return nil, &refused{address: ip.String(), kind: kind}
		}
	}
	return u, nil
}

// trusts is true for what an operator named: an endpoint of the configuration, or the proxy.
func (c *clients) trusts(address string) bool {
	if c.hosts.trusts(address) {
		return true
	}
	for _, scheme := range []string{"http", "https"} {
		u, err := c.proxy(&http.Request{URL: &url.URL{Scheme: scheme, Host: "registry.invalid"}})
		if err == nil && u != nil && dialAddress(*u) == address {
			return true
		}
	}
	return false
}

// redirect follows a few, to where blobs are stored, and leaves the credentials behind. net/http would keep them for
// subdomains and other ports.
func redirect(r *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects {
		return errRedirects
	}
	first := via[0].URL
	if first.Scheme == "https" && r.URL.Scheme != "https" {
		return errDowngrade
	}
	if r.URL.Scheme != "http" && r.URL.Scheme != "https" {
		return fmt.Errorf("a redirect to scheme %q", r.URL.Scheme)
	}
	if r.URL.Host != first.Host || r.URL.Scheme != first.Scheme {
		r.Header.Del("Authorization")
	}
	r.Header.Del("Referer")
	return nil
}
