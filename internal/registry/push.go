// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"rhumb.run/rhumb/internal/core/image"
)

// commit is how long a registry may take to store what it was sent.
const commit = 2 * time.Minute

// there asks whether a repository has a blob.
func (c *Client) there(ctx context.Context, e Endpoint, l *image.Login, repository, digest string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	resp, err := c.do(ctx, e, l, ask{method: http.MethodHead, repository: repository, path: "blobs/" + digest, write: true})
	if err != nil {
		return false, err
	}
	switch resp.StatusCode {
	case http.StatusOK:
		closeBody(resp)
		return true, nil
	case http.StatusNotFound:
		closeBody(resp)
		return false, nil
	}
	return false, bad(resp)
}

// begin begins an upload, or mounts the blob from another repository of the registry, if that has it. The location is
// where the upload goes on; nil if there is nothing left to send. A login that may not read the other repository is no
// reason to fail: then it is sent.
func (c *Client) begin(ctx context.Context, e Endpoint, l *image.Login, repository, digest, from string) (*url.URL, error) {
	at, err := c.beginFrom(ctx, e, l, repository, digest, from)
	if err != nil && from != "" {
		return c.beginFrom(ctx, e, l, repository, digest, "")
	}
	return at, err
}

func (c *Client) beginFrom(ctx context.Context, e Endpoint, l *image.Login, repository, digest, from string) (*url.URL, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	a := ask{method: http.MethodPost, repository: repository, path: "blobs/uploads/", write: true, body: empty()}
	if from != "" {
		a.from = e.path(from)
		a.query = url.Values{"mount": {digest}, "from": {a.from}}
	}
	resp, err := c.do(ctx, e, l, a)
	if err != nil {
		return nil, err
	}
	switch resp.StatusCode {
	case http.StatusCreated:
		closeBody(resp)
		return nil, nil
	case http.StatusAccepted:
		defer closeBody(resp)
		at, err := resp.Location()
		if err != nil {
			return nil, &answer{reason: image.ReasonRemote, words: "it began an upload and did not say where"}
		}
		return at, nil
	}
	return nil, bad(resp)
}

// upload sends a blob to where the registry wants it; open begins to read it, from the start.
func (c *Client) upload(ctx context.Context, e Endpoint, l *image.Login, repository string, at *url.URL, d descriptor, open func(context.Context) (io.ReadCloser, error)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	alarm := time.AfterFunc(stall, func() { cancel(context.DeadlineExceeded) })
	defer alarm.Stop()
	resp, err := c.do(ctx, e, l, ask{
		method: http.MethodPut, repository: repository, at: at, query: url.Values{"digest": {d.Digest}}, write: true,
		body: &body{size: d.Size, media: "application/octet-stream", open: func() (io.ReadCloser, error) {
			r, err := open(ctx)
			if err != nil {
				return nil, err
			}
			return &patient{ReadCloser: r, left: d.Size, alarm: alarm}, nil
		}},
	})
	if err != nil {
		return cause(ctx, err)
	}
	if resp.StatusCode != http.StatusCreated {
		return bad(resp)
	}
	closeBody(resp)
	return nil
}

// patient puts the alarm off with each byte, and gives whoever stores them time in the end.
type patient struct {
	io.ReadCloser
	left  int64
	alarm *time.Timer
}

func (p *patient) Read(b []byte) (int, error) {
	n, err := p.ReadCloser.Read(b)
	p.left -= int64(n)
	switch {
	case p.left <= 0:
		p.alarm.Reset(commit)
	case n > 0:
		p.alarm.Reset(stall)
	}
	return n, err
}

// put stores a manifest under a tag or its digest.
func (c *Client) put(ctx context.Context, e Endpoint, l *image.Login, repository, name string, m part) error {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	resp, err := c.do(ctx, e, l, ask{
		method: http.MethodPut, repository: repository, path: "manifests/" + name, write: true,
		body: &body{size: int64(len(m.raw)), media: m.media, open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(m.raw)), nil }},
	})
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusCreated {
		return bad(resp)
	}
	closeBody(resp)
	return nil
}

func empty() *body {
	return &body{media: "application/octet-stream", open: func() (io.ReadCloser, error) { return http.NoBody, nil }}
}

// path is a repository as the endpoint's registry knows it.
func (e Endpoint) path(repository string) string {
	return strings.TrimPrefix(e.URL.Path+"/"+repository, "/")
}
