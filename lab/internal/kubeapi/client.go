// SPDX-License-Identifier: Apache-2.0

package kubeapi

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"rhumb.run/rhumb/lab/internal/layout"
)

// Client is an administrator of one API server.
type Client struct {
	base string
	http *http.Client
}

// New makes a client for the API server at base with the lab's admin
// certificate.
func New(l layout.Layout, base string) (*Client, error) {
	cert, err := tls.LoadX509KeyPair(l.PKI("admin.crt"), l.PKI("admin.key"))
	if err != nil {
		return nil, fmt.Errorf("reading the admin certificate: %w", err)
	}
	ca, err := os.ReadFile(l.PKI("ca.crt"))
	if err != nil {
		return nil, fmt.Errorf("reading the authority: %w", err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	return &Client{base: base, http: &http.Client{
		Timeout: 10 * time.Second,
		Transport: &http.Transport{
			TLSClientConfig:   &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12},
			ForceAttemptHTTP2: true,
		},
	}}, nil
}

// ErrNotFound is returned for an object that is not there.
var ErrNotFound = errors.New("not found")

// Ready asks for /readyz and says what is missing.
func (c *Client) Ready(ctx context.Context) error {
	return c.send(ctx, request{method: http.MethodGet, path: "/readyz"}, nil)
}

// Get reads the object at path into into, which may be nil.
func (c *Client) Get(ctx context.Context, path string, into any) error {
	return c.send(ctx, request{method: http.MethodGet, path: path}, into)
}

// Apply applies the object at path as the lab, taking over what others set.
func (c *Client) Apply(ctx context.Context, path string, obj any) error {
	body, err := json.Marshal(obj)
	if err != nil {
		return fmt.Errorf("encoding %s: %w", path, err)
	}
	return c.send(ctx, request{http.MethodPatch, path + "?fieldManager=rhumb-lab&force=true", "application/apply-patch+yaml", body}, nil)
}

// Merge changes some fields of the object at path.
func (c *Client) Merge(ctx context.Context, path string, fields any) error {
	body, err := json.Marshal(fields)
	if err != nil {
		return fmt.Errorf("encoding %s: %w", path, err)
	}
	return c.send(ctx, request{http.MethodPatch, path, "application/merge-patch+json", body}, nil)
}

// request is what is sent, and what sort of text it is.
type request struct {
	method, path, content string
	body                  []byte
}

func (c *Client) send(ctx context.Context, r request, into any) error {
	path := r.path
	req, err := http.NewRequestWithContext(ctx, r.method, c.base+path, bytes.NewReader(r.body))
	if err != nil {
		return fmt.Errorf("asking for %s: %w", path, err)
	}
	if r.content != "" {
		req.Header.Set("Content-Type", r.content)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("asking for %s: %w", path, err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, 8<<20))
	if err != nil {
		return fmt.Errorf("reading the answer to %s: %w", path, err)
	}
	if resp.StatusCode == http.StatusNotFound {
		return fmt.Errorf("%s: %w", path, ErrNotFound)
	}
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s: %s: %.400s", r.method, path, resp.Status, raw)
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("decoding the answer to %s: %w", path, err)
	}
	return nil
}
