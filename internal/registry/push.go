// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"rhumb.run/rhumb/internal/core/image"
)

// there asks whether a repository has a blob.
func (c *Client) there(ctx context.Context, e Endpoint, l *image.Login, repository, digest string) (bool, error) {
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
		if e.URL.Scheme == "https" && at.Scheme != "https" {
			if at.Host != e.URL.Host { // an image that came in by TLS does not go out without
				return nil, &answer{reason: image.ReasonRemote, words: "it sends uploads from https to " + image.Bound(at.Scheme, 20)}
			}
			at.Scheme = "https" // it does not know that there is TLS before it
		}
		return at, nil
	}
	return nil, bad(resp)
}

// upload sends a blob to where the registry wants it; from is opened anew if it has to be sent again. If nothing moves for
// too long, it is known whose fault that is.
func (c *Client) upload(ctx context.Context, e Endpoint, l *image.Login, repository string, at *url.URL, from *stream) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	p := &patient{commit: c.commit}
	p.alarm = newAlarm(c.stall, func() {
		if p.starving.Load() {
			_ = from.fail(tooSlow(c.stall))
		}
		cancel(context.DeadlineExceeded)
	})
	defer p.alarm.stop()
	resp, err := c.do(ctx, e, l, ask{
		method: http.MethodPut, repository: repository, at: at, query: url.Values{"digest": {from.want.Digest}}, write: true, upload: true,
		body: &body{size: from.want.Size, media: "application/octet-stream", open: func() (io.ReadCloser, error) {
			p.alarm.stop() // how long the source may take to answer is watched there
			r, err := from.open(ctx)
			p.alarm.wait(c.stall)
			return &patientReader{ReadCloser: r, patient: p, left: from.want.Size}, err
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

// patient puts the alarm off as bytes arrive and are taken, and gives whoever stores them time in the end.
type patient struct {
	alarm    *alarm
	commit   time.Duration
	starving atomic.Bool // it waits for the source
}

// patientReader is one reading of what is sent.
type patientReader struct {
	io.ReadCloser
	*patient
	left int64
}

func (r *patientReader) Read(b []byte) (int, error) {
	r.starving.Store(true)
	n, err := r.ReadCloser.Read(b)
	r.starving.Store(false)
	if r.left -= int64(n); r.left <= 0 {
		r.alarm.wait(r.commit)
	} else {
		r.alarm.move(n)
	}
	return n, err
}

func tooSlow(d time.Duration) *answer {
	return &answer{reason: image.ReasonUnreachable, words: fmt.Sprintf("it sent less than %d bytes in %s", least, d)}
}

// put stores a manifest under a tag or its digest.
func (c *Client) put(ctx context.Context, e Endpoint, l *image.Login, repository, name string, m part) error {
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
