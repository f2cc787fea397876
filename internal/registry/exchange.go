// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"rhumb.run/rhumb/internal/core/image"
)

// ask is one request about one repository.
type ask struct {
	method     string
	repository string
	path       string // after the repository: manifests/latest, blobs/sha256:…
	accept     string
	// write asks for leave to push as well, remove for leave to delete, and from for leave to pull from another repository.
	write, remove bool
	from          string
	// at is where the registry itself sent us, in place of the path.
	at    *url.URL
	query url.Values
	// body is what is sent; it is opened for each try.
	body *body
	// upload and download are set where a blob goes along: how long that takes is for the caller to watch.
	upload, download bool
}

// body is what a request brings.
type body struct {
	open  func() (io.ReadCloser, error)
	size  int64
	media string
}

// do sends one request and answers a challenge. The caller closes the body of a response that it is given.
func (c *Client) do(ctx context.Context, e Endpoint, login *image.Login, a ask) (*http.Response, error) {
	repository := e.path(a.repository)
	key := sessionKey{endpoint: e.URL.Scheme + "://" + e.URL.Host, repository: repository, write: a.write, remove: a.remove, from: a.from}
	if login != nil {
		key.login = image.Logins{*login}.Digest()
	}
	s, known := c.sessions.get(key)
	if known && s.challenge.bearer && time.Now().After(s.until) {
		var err error
		if s, err = c.fetchToken(ctx, e, login, key, s.challenge); err != nil {
			c.sessions.drop(key)
			return nil, err
		}
		c.sessions.put(key, s)
	}
	resp, err := c.send(ctx, e, login, repository, a, s)
	if err != nil || resp.StatusCode != http.StatusUnauthorized {
		return resp, err
	}
	ch, ok := readChallenge(resp.Header)
	if !ok || !answerable(ch, login, s) {
		return resp, nil
	}
	closeBody(resp)
	if known { // else it would be what another request has learnt meanwhile, and a blob would be sent twice
		c.sessions.drop(key)
	}
	s = session{basic: true}
	if ch.bearer {
		if s, err = c.fetchToken(ctx, e, login, key, ch); err != nil {
			return nil, err
		}
	}
	resp, err = c.send(ctx, e, login, repository, a, s)
	if err == nil && resp.StatusCode != http.StatusUnauthorized {
		c.sessions.put(key, s)
	}
	return resp, err
}

// answerable reports whether a challenge asks for something that we have and have not shown yet.
func answerable(ch challenge, login *image.Login, s session) bool {
	if ch.bearer {
		return login == nil || login.RegistryToken == ""
	}
	return login != nil && login.Username != "" && !s.basic
}

func (c *Client) send(ctx context.Context, e Endpoint, login *image.Login, repository string, a ask, s session) (*http.Response, error) {
	u := url.URL{Scheme: e.URL.Scheme, Host: e.URL.Host, Path: "/v2/" + repository + "/" + a.path}
	if a.at != nil {
		u = *a.at
	}
	if len(a.query) > 0 {
		q := u.Query()
		maps.Copy(q, a.query)
		u.RawQuery = q.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, a.method, u.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("asking %s: %w", e, err)
	}
	req.Header.Set("User-Agent", userAgent)
	if a.accept != "" {
		req.Header.Set("Accept", a.accept)
	}
	if a.body != nil {
		req.ContentLength = a.body.size
		req.Header.Set("Content-Type", a.body.media)
	}
	// A login goes to its registry alone, wherever that says an upload goes on.
	if u.Scheme == e.URL.Scheme && u.Host == e.URL.Host {
		authorize(req, login, s)
	}
	resp, err := c.exchange(e, login, req, a)
	if err != nil {
		return nil, fmt.Errorf("asking %s: %w", e, err)
	}
	return resp, nil
}

// exchange waits for a turn, then for an answer no longer than one may take: for all of it, if it is not a blob, which has an
// alarm of its own. What the registry says of its limits is heeded from then on.
func (c *Client) exchange(e Endpoint, login *image.Login, req *http.Request, a ask) (*http.Response, error) {
	pace := c.paces.of(e.LoginHost)
	n := need{upload: a.upload, download: a.download, own: e.own, manifest: a.kind() == "manifest" && req.Method == http.MethodGet && !e.own}
	if login != nil {
		n.who = image.Logins{*login}.Digest()
	}
	leave, err := pace.turn(req.Context(), n)
	if err != nil {
		return nil, err
	}
	if a.body != nil { // only now: it may be a blob, which waits for a turn of its own
		if req.Body, err = a.body.open(); err != nil {
			leave()
			return nil, err
		}
	}
	ctx, cancel := context.WithCancelCause(req.Context())
	patience := time.AfterFunc(c.timeout, func() { cancel(context.DeadlineExceeded) })
	if a.upload {
		patience.Stop()
	}
	end := sync.OnceFunc(func() { patience.Stop(); cancel(nil); leave() })
	resp, err := c.clients.of(e.CA).Do(req.WithContext(ctx))
	countRequest(e.LoginHost, req.Method, a.kind(), resp)
	if err != nil {
		err = cause(ctx, err)
		end()
		return nil, err
	}
	if a.download && resp.StatusCode == http.StatusOK {
		patience.Stop()
	}
	pace.learn(n.who, resp.Header, time.Now())
	if resp.StatusCode == http.StatusTooManyRequests || resp.Header.Get("Retry-After") != "" && resp.StatusCode >= 500 {
		pace.block(n.who, answerOf(resp, nil), time.Now())
	}
	resp.Body = &held{ReadCloser: resp.Body, end: end}
	return resp, nil
}

// kind is what a request is about, as metrics say it.
func (a *ask) kind() string {
	what, _, _ := strings.Cut(a.path, "/")
	switch {
	case a.upload || strings.HasPrefix(a.path, "blobs/uploads/"):
		return "upload"
	case what == "manifests":
		return "manifest"
	case what == "blobs":
		return "blob"
	case what == "":
		return "token"
	}
	return what // tags, referrers
}

// held is a body that frees, when it is closed, what its exchange holds.
type held struct {
	io.ReadCloser
	end func()
}

func (h *held) Close() error {
	defer h.end()
	return h.ReadCloser.Close()
}

func authorize(req *http.Request, login *image.Login, s session) {
	switch {
	case login != nil && login.RegistryToken != "":
		req.Header.Set("Authorization", "Bearer "+string(login.RegistryToken))
	case s.token != "":
		req.Header.Set("Authorization", "Bearer "+string(s.token))
	case s.basic && login != nil:
		req.SetBasicAuth(login.Username, string(login.Password))
	}
}
