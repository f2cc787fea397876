// SPDX-License-Identifier: Apache-2.0

package image

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"path"
	"strings"
)

// Login is one credential and the one place it may be sent to.
type Login struct {
	// Host is the registry it is for; "*.example.com" matches one label for each star, as for the kubelet.
	Host string
	// Path narrows it to repositories at or under this path.
	Path string
	// From says where it came from ("Secret team/pull"), for people.
	From string

	Username string
	Password Secret
	// IdentityToken is exchanged for a token at the registry's realm; RegistryToken is sent as it is.
	IdentityToken Secret
	RegistryToken Secret
}

// Logins are credentials in the order in which they are to be tried.
type Logins []Login

// For keeps the logins that may be used for a repository of a registry, in their order.
func (l Logins) For(host, repository string) Logins {
	var out Logins
	for _, c := range l {
		if matchHost(c.Host, host) && matchPath(c.Path, repository) {
			out = append(out, c)
		}
	}
	return out
}

// Digest tells two sets of credentials apart without showing them. It lives in memory only: it is not salted.
func (l Logins) Digest() string {
	if len(l) == 0 {
		return ""
	}
	h := sha256.New()
	for _, c := range l {
		for _, s := range []string{c.Host, c.Path, c.Username, string(c.Password), string(c.IdentityToken), string(c.RegistryToken)} {
			var n [8]byte
			binary.BigEndian.PutUint64(n[:], uint64(len(s)))
			h.Write(n[:])
			h.Write([]byte(s))
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// matchHost compares label by label, so that "*.example.com" never stands for "a.b.example.com" or "evil-example.com".
func matchHost(pattern, host string) bool {
	ph, pp := splitPort(pattern)
	hh, hp := splitPort(host)
	if pp != hp {
		return false
	}
	ps, hs := strings.Split(ph, "."), strings.Split(hh, ".")
	if len(ps) != len(hs) {
		return false
	}
	for i := range ps {
		if ok, err := path.Match(ps[i], hs[i]); err != nil || !ok {
			return false
		}
	}
	return true
}

// splitPort leaves the colons of a bracketed IPv6 address alone.
func splitPort(h string) (host, port string) {
	if i := strings.LastIndex(h, ":"); i > strings.LastIndex(h, "]") {
		return h[:i], h[i+1:]
	}
	return h, ""
}

func matchPath(prefix, repository string) bool {
	return prefix == "" || repository == prefix || strings.HasPrefix(repository, prefix+"/")
}
