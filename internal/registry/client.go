// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"rhumb.run/rhumb/internal/core/image"
)

const (
	defaultTimeout = 20 * time.Second
	maxErrorBody   = 8 << 10
	userAgent      = "rhumb"
)

// Keychain yields the controller's own logins for a repository, tried after those that an object names.
type Keychain interface {
	Logins(ctx context.Context, host, repository string) image.Logins
}

// Options are what a Client needs to know.
type Options struct {
	Hosts *Hosts
	// Keychain may be nil.
	Keychain Keychain
	// Timeout is how long one answer may take; 20 s if zero.
	Timeout time.Duration
	// Proxy finds the proxy of a request, as http.ProxyFromEnvironment, which is used if it is nil.
	Proxy func(*http.Request) (*url.URL, error)
}

// Client asks registries.
type Client struct {
	hosts    *Hosts
	keychain Keychain
	timeout  time.Duration
	clients  *clients
	sessions sessions
}

// NewClient makes a client; it follows the changes of its hosts.
func NewClient(o Options) *Client {
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout
	}
	if o.Proxy == nil {
		o.Proxy = http.ProxyFromEnvironment
	}
	c := &Client{
		hosts: o.Hosts, keychain: o.Keychain, timeout: o.Timeout,
		clients: &clients{hosts: o.Hosts, proxy: o.Proxy, byCA: map[string]*http.Client{}},
	}
	o.Hosts.OnChange(func() {
		c.clients.reset()
		c.sessions.reset()
	})
	return c
}

// ask is one request about one repository.
type ask struct {
	method     string
	repository string
	path       string // after the repository: manifests/latest, blobs/sha256:…
	accept     string
	// write asks for leave to push as well, and from for leave to pull from another repository.
	write bool
	from  string
	// at is where the registry itself sent us, in place of the path.
	at    *url.URL
	query url.Values
	// body is what is sent; it is opened for each try.
	body *body
}

// body is what a request brings.
type body struct {
	open  func() (io.ReadCloser, error)
	size  int64
	media string
}

// try does something at one endpoint as one login; login is nil for nobody in particular.
type try func(ctx context.Context, e Endpoint, login *image.Login) error

// each tries the endpoints of a reference in order, at each the logins in order, until one succeeds. The failure of the
// registry's own endpoints is the image's failure; that of a mirror is only told.
func (c *Client) each(ctx context.Context, ref image.Ref, logins image.Logins, do try) error {
	return c.eachOf(ctx, ref, logins, c.hosts.Endpoints, do)
}

// origin is each without the mirrors: what is written, and what is asked about it, is the registry's own.
func (c *Client) origin(ctx context.Context, ref image.Ref, logins image.Logins, do try) error {
	return c.eachOf(ctx, ref, logins, func(host string) []Endpoint {
		return slices.DeleteFunc(c.hosts.Endpoints(host), func(e Endpoint) bool { return e.Mirror })
	}, do)
}

func (c *Client) eachOf(ctx context.Context, ref image.Ref, logins image.Logins, endpoints func(host string) []Endpoint, do try) error {
	c.hosts.await(ctx)
	var said []string
	worst := &answer{reason: image.ReasonUnreachable}
	for _, e := range endpoints(ref.Host) {
		a := c.at(ctx, e, ref, logins, do)
		if a == nil {
			return nil
		}
		said = append(said, e.String()+": "+a.words)
		if e.Mirror {
			continue
		}
		if weight(a) >= weight(worst) {
			worst = a
		}
		if a.reason == image.ReasonNotFound || a.reason == image.ReasonThrottled {
			break // the registry itself has answered: its other addresses would say the same
		}
	}
	return c.failure(ref, logins, worst, strings.Join(said, "; "))
}

// failure is what is said of an image that no endpoint gave.
func (c *Client) failure(ref image.Ref, logins image.Logins, worst *answer, said string) *image.Failure {
	f := &image.Failure{Reason: worst.reason, Detail: said, Fix: worst.fix, After: worst.after}
	if hint := c.hosts.Hint(ref.Host); hint != "" && f.Reason == image.ReasonUnreachable {
		f.Fix = hint
	}
	if f.Fix == "" {
		f.Fix = c.fix(f.Reason, ref, logins)
	}
	return f
}

// weight orders answers by how much they say: an answer more than none, a clear one more than a muddled one.
func weight(a *answer) int {
	switch a.reason {
	case image.ReasonUnreachable:
		return 0
	case image.ReasonRemote:
		return 1
	}
	return 2
}

// at tries one endpoint: each login until one is let in, or nobody's if there is none.
func (c *Client) at(ctx context.Context, e Endpoint, ref image.Ref, logins image.Logins, do try) *answer {
	candidates := logins.For(e.LoginHost, ref.Repository)
	last, refusedLogins := c.as(ctx, e, candidates, do)
	if last == nil && len(candidates) > 0 {
		return nil
	}
	if (len(candidates) == 0 || last.reason == image.ReasonUnauthorized) && c.keychain != nil {
		own := c.keychain.Logins(ctx, e.LoginHost, ref.Repository)
		if len(own) > 0 {
			var more []string
			last, more = c.as(ctx, e, own, do)
			candidates, refusedLogins = own, append(refusedLogins, more...)
			if last == nil {
				return nil
			}
		}
	}
	if len(candidates) == 0 {
		if err := do(ctx, e, nil); err != nil {
			return unanswered(err)
		}
		return nil
	}
	if last.reason == image.ReasonUnauthorized && len(refusedLogins) > 0 {
		a := *last
		a.words += " for " + strings.Join(refusedLogins, ", ")
		return &a
	}
	return last
}

// as tries logins in order for as long as they are refused; it returns the last answer and who was refused.
func (c *Client) as(ctx context.Context, e Endpoint, logins image.Logins, do try) (last *answer, refusedLogins []string) {
	for i := range logins {
		err := do(ctx, e, &logins[i])
		if err == nil {
			return nil, nil
		}
		last = scrub(unanswered(err), &logins[i])
		if last.reason != image.ReasonUnauthorized {
			return last, refusedLogins
		}
		refusedLogins = append(refusedLogins, logins[i].From)
	}
	return last, refusedLogins
}

// scrub takes out what a registry may have echoed.
func scrub(a *answer, l *image.Login) *answer {
	for _, s := range []string{
		string(l.Password), string(l.IdentityToken), string(l.RegistryToken),
		base64.StdEncoding.EncodeToString([]byte(l.Username + ":" + string(l.Password))),
	} {
		if s != "" {
			b := *a
			b.words = strings.ReplaceAll(b.words, s, "[redacted]")
			a = &b
		}
	}
	return a
}

func (c *Client) fix(reason string, ref image.Ref, logins image.Logins) string {
	switch reason {
	case image.ReasonUnreachable:
		return "check that it is up, or let an operator say in the registries file (--registries-config) how " + ref.Host + " is reached from the controller"
	case image.ReasonUnauthorized:
		if len(logins.For(ref.Host, ref.Repository)) == 0 {
			return "add a pull secret for " + ref.Host + " to spec.imagePullSecrets or to the service account"
		}
		return "renew the credentials, or let them pull " + ref.Repository
	case image.ReasonNotFound:
		return "push it, or correct spec.image"
	case image.ReasonThrottled:
		return "add credentials with a higher limit, raise spec.interval, or let an operator name a mirror"
	case image.ReasonDigestMismatch:
		return "the registry, or something before it, answers with other content than it names: do not use it until that is found"
	}
	return "see the registry's log"
}

// do sends one request and answers a challenge. The caller closes the body of a response that it is given.
func (c *Client) do(ctx context.Context, e Endpoint, login *image.Login, a ask) (*http.Response, error) {
	repository := e.path(a.repository)
	key := sessionKey{endpoint: e.URL.Scheme + "://" + e.URL.Host, repository: repository, write: a.write, from: a.from}
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
	c.sessions.drop(key)
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
		if req.Body, err = a.body.open(); err != nil {
			return nil, err
		}
		req.ContentLength = a.body.size
		req.Header.Set("Content-Type", a.body.media)
	}
	// A login goes to its registry alone, wherever that says an upload goes on.
	if u.Scheme == e.URL.Scheme && u.Host == e.URL.Host {
		authorize(req, login, s)
	}
	resp, err := c.clients.of(e.CA).Do(req)
	if err != nil {
		return nil, fmt.Errorf("asking %s: %w", e, err)
	}
	return resp, nil
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

// bad turns a response that is not 200 into an answer, and closes it.
func bad(resp *http.Response) *answer {
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody))
	closeBody(resp)
	return answerOf(resp, body)
}

// asFailure is the failure of an error that each returned.
func asFailure(err error) *image.Failure {
	if f, ok := errors.AsType[*image.Failure](err); ok {
		return f
	}
	a := unanswered(err)
	return &image.Failure{Reason: a.reason, Detail: a.words, Fix: a.fix, After: a.after}
}
