// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
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
	// Timeout is how long one answer may take; 20 s if zero. A blob has its own times: Stall for each little of it, 30 s if
	// zero, and Commit for a registry to store it, 2 min if zero.
	Timeout, Stall, Commit time.Duration
	// Proxy finds the proxy of a request, as http.ProxyFromEnvironment, which is used if it is nil.
	Proxy func(*http.Request) (*url.URL, error)
}

// Client asks registries.
type Client struct {
	hosts                  *Hosts
	keychain               Keychain
	timeout, stall, commit time.Duration
	clients                *clients
	sessions               sessions
	paces                  paces
}

// NewClient makes a client; it follows the changes of its hosts.
func NewClient(o Options) *Client {
	if o.Proxy == nil {
		o.Proxy = http.ProxyFromEnvironment
	}
	c := &Client{
		hosts: o.Hosts, keychain: o.Keychain,
		timeout: orElse(o.Timeout, defaultTimeout), stall: orElse(o.Stall, stall), commit: orElse(o.Commit, commit),
		clients: &clients{hosts: o.Hosts, proxy: o.Proxy, byCA: map[string]*http.Client{}},
	}
	registerMetrics()
	o.Hosts.OnChange(func() {
		c.clients.reset()
		c.sessions.reset()
	})
	return c
}

// SetPaces replaces what registries are asked at most, by host; AnyHost is for those that have no entry.
func (c *Client) SetPaces(rules map[string]Pace) { c.paces.set(rules) }

// try does something at one endpoint as one login; login is nil for nobody in particular.
type try func(ctx context.Context, e Endpoint, login *image.Login) error

// way is which endpoints are asked, and by whom.
type way struct {
	mirrors, own bool
	// explicit is set where credentials that were named are tried alone: if they are refused nobody else's are.
	explicit bool
}

// each tries the endpoints of a reference in order, at each the logins in order, until one succeeds. The failure of the
// registry's own endpoints is the image's failure; that of a mirror is only told.
func (c *Client) each(ctx context.Context, ref image.Ref, logins image.Logins, do try) error {
	return c.eachOf(ctx, ref, logins, way{mirrors: true}, do)
}

// source is each for what is copied.
func (c *Client) source(ctx context.Context, ref image.Ref, logins image.Logins, do try) error {
	return c.eachOf(ctx, ref, logins, way{mirrors: true, explicit: true}, do)
}

// origin is each without the mirrors: what is written, and what is asked about it, is the registry's own.
func (c *Client) origin(ctx context.Context, ref image.Ref, logins image.Logins, do try) error {
	return c.eachOf(ctx, ref, logins, way{own: true, explicit: true}, do)
}

func (w way) endpoints(h *Hosts, host string) []Endpoint {
	all := h.Endpoints(host)
	if !w.mirrors {
		all = slices.DeleteFunc(all, func(e Endpoint) bool { return e.Mirror })
	}
	for i := range all {
		all[i].own = w.own
	}
	return all
}

func (c *Client) eachOf(ctx context.Context, ref image.Ref, logins image.Logins, w way, do try) error {
	c.hosts.await(ctx)
	var said []string
	worst := &answer{reason: image.ReasonUnreachable}
	for _, e := range w.endpoints(c.hosts, ref.Host) {
		a := c.at(ctx, e, ref, logins, w, do)
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
	f := &image.Failure{Reason: worst.reason, Detail: said, Fix: worst.fix, After: worst.after, Code: worst.code, Unasked: worst.unasked}
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
func (c *Client) at(ctx context.Context, e Endpoint, ref image.Ref, logins image.Logins, w way, do try) *answer {
	candidates := logins.For(e.LoginHost, ref.Repository)
	last, refusedLogins := c.as(ctx, e, candidates, do)
	if last == nil && len(candidates) > 0 {
		return nil
	}
	if (len(candidates) == 0 || last.reason == image.ReasonUnauthorized && !w.explicit) && c.keychain != nil {
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
	return &image.Failure{Reason: a.reason, Detail: a.words, Fix: a.fix, After: a.after, Code: a.code, Unasked: a.unasked}
}
