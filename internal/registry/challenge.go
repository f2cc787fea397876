// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// challenge is how a registry wants to be shown who asks.
type challenge struct {
	bearer  bool
	realm   string
	service string
	scope   string
}

// readChallenge picks what we can answer from the WWW-Authenticate headers of a 401, Bearer before Basic.
func readChallenge(h http.Header) (challenge, bool) {
	var basic bool
	for _, v := range h.Values("WWW-Authenticate") {
		scheme, rest, _ := strings.Cut(strings.TrimSpace(v), " ")
		switch strings.ToLower(scheme) {
		case "bearer":
			p := challengeParams(rest)
			if p["realm"] != "" {
				return challenge{bearer: true, realm: p["realm"], service: p["service"], scope: p["scope"]}, true
			}
		case "basic":
			basic = true
		}
	}
	return challenge{}, basic
}

// challengeParams reads key="value" pairs; a comma may stand inside a quoted value.
func challengeParams(s string) map[string]string {
	out := map[string]string{}
	for s != "" {
		key, rest, ok := strings.Cut(s, "=")
		if !ok {
			break
		}
		key = strings.ToLower(strings.Trim(key, " ,\t"))
		var value string
		if strings.HasPrefix(rest, `"`) {
			value, rest, _ = strings.Cut(rest[1:], `"`)
		} else {
			value, rest, _ = strings.Cut(rest, ",")
		}
		out[key], s = strings.TrimSpace(value), rest
	}
	return out
}

// mayHoldLogin reports whether an endpoint's credentials may be sent to a token service: to the endpoint's own host, to a
// host of its domain or of the registry's (auth.docker.io for docker.io), or to one that an operator named. A registry that
// points elsewhere would collect the passwords that were given for others.
func mayHoldLogin(e Endpoint, realm *url.URL) bool {
	if realm.Scheme != "https" && (realm.Scheme != "http" || e.URL.Scheme != "http") {
		return false
	}
	if strings.EqualFold(realm.Host, e.URL.Host) || slices.Contains(e.TokenHosts, realm.Host) || slices.Contains(e.TokenHosts, realm.Hostname()) {
		return true
	}
	login := &url.URL{Host: e.LoginHost}
	return sameDomain(realm.Hostname(), e.URL.Hostname()) || sameDomain(realm.Hostname(), login.Hostname())
}

func sameDomain(a, b string) bool {
	if _, err := netip.ParseAddr(a); err == nil {
		return false
	}
	da, err := publicsuffix.EffectiveTLDPlusOne(strings.ToLower(a))
	if err != nil {
		return false
	}
	db, err := publicsuffix.EffectiveTLDPlusOne(strings.ToLower(b))
	return err == nil && da == db
}
