// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"rhumb.run/rhumb/internal/core/image"
)

const (
	maxToken      = 256 << 10
	maxSessions   = 10_000
	defaultExpiry = 60 * time.Second
	expiryMargin  = 10 * time.Second
)

// sessionKey is one registry as one login sees one of its repositories, to read or also to write or to delete.
type sessionKey struct {
	endpoint, login, repository string
	write, remove               bool
	// from is another repository that it reads, for content that both have.
	from string
}

// scopes are what a token service is asked for.
func (k sessionKey) scopes() []string {
	actions := "pull"
	if k.write {
		actions = "pull,push"
	}
	if k.remove {
		actions += ",delete"
	}
	out := []string{"repository:" + k.repository + ":" + actions}
	if k.from != "" {
		out = append(out, "repository:"+k.from+":pull")
	}
	return out
}

// session is what is known of how to be let in.
type session struct {
	challenge challenge
	basic     bool
	token     image.Secret
	until     time.Time
}

// sessions remembers, so that a poll is one request and not three. It is emptied when it grows too large.
type sessions struct {
	mu  sync.Mutex
	all map[sessionKey]session
}

func (s *sessions) get(k sessionKey) (session, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, ok := s.all[k]
	return v, ok
}

func (s *sessions) put(k sessionKey, v session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil || len(s.all) >= maxSessions {
		s.all = map[sessionKey]session{}
	}
	s.all[k] = v
}

func (s *sessions) drop(k sessionKey) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, k)
}

func (s *sessions) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = nil
}

// fetchToken asks a token service for leave to use one repository.
func (c *Client) fetchToken(ctx context.Context, e Endpoint, login *image.Login, key sessionKey, ch challenge) (session, error) {
	realm, err := url.Parse(ch.realm)
	if err != nil || realm.Host == "" || (realm.Scheme != "https" && realm.Scheme != "http") || realm.User != nil {
		return session{}, &answer{reason: image.ReasonRemote, words: "it names a token service that is no URL"}
	}
	if login != nil && !mayHoldLogin(e, realm) {
		return session{}, &answer{
			reason: image.ReasonUnauthorized,
			words:  fmt.Sprintf("its token service %s is of another domain, and %s was not sent there", image.Bound(realm.Host, 120), login.From),
			fix:    "an operator can name that host under tokenHosts of the registry in the registries file",
		}
	}
	req, err := tokenRequest(ctx, realm, login, key.scopes(), ch)
	if err != nil {
		return session{}, err
	}
	resp, err := c.exchange(e, login, req, ask{})
	if err != nil {
		return session{}, fmt.Errorf("asking the token service: %w", err)
	}
	defer closeBody(resp)
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxToken))
	if err != nil {
		return session{}, fmt.Errorf("reading the token: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		a := answerOf(resp, body)
		a.words = "token service " + realm.Host + ": " + a.words
		return session{}, a
	}
	return readToken(body, ch)
}

func tokenRequest(ctx context.Context, realm *url.URL, login *image.Login, scopes []string, ch challenge) (*http.Request, error) {
	if ch.scope != "" && !strings.HasPrefix(ch.scope, "repository:") {
		scopes = append(scopes, ch.scope)
	}
	q := realm.Query()
	q.Set("service", ch.service)
	q["scope"] = scopes
	if login != nil && login.IdentityToken != "" {
		form := url.Values{
			"grant_type": {"refresh_token"}, "service": {ch.service}, "client_id": {"rhumb"},
			"scope": {strings.Join(scopes, " ")}, "refresh_token": {string(login.IdentityToken)},
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, realm.String(), strings.NewReader(form.Encode()))
		if err != nil {
			return nil, fmt.Errorf("asking the token service: %w", err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		// The token is in the body, which a 307 would repeat elsewhere.
		req.GetBody = nil
		return req, nil
	}
	u := *realm
	u.RawQuery = q.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("asking the token service: %w", err)
	}
	if login != nil {
		req.SetBasicAuth(login.Username, string(login.Password))
	}
	return req, nil
}

func readToken(body []byte, ch challenge) (session, error) {
	var t struct {
		Token       string `json:"token"`
		AccessToken string `json:"access_token"`
		ExpiresIn   int    `json:"expires_in"`
	}
	if json.Unmarshal(body, &t) != nil || t.Token+t.AccessToken == "" {
		return session{}, &answer{reason: image.ReasonRemote, words: "its token service answered without a token"}
	}
	if t.Token == "" {
		t.Token = t.AccessToken
	}
	expiry := defaultExpiry
	if t.ExpiresIn > 0 {
		expiry = min(time.Duration(t.ExpiresIn)*time.Second, time.Hour)
	}
	return session{challenge: ch, token: image.Secret(t.Token), until: time.Now().Add(expiry - expiryMargin)}, nil
}
