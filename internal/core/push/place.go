// SPDX-License-Identifier: Apache-2.0

package push

import (
	"net/url"
	"regexp"
	"strings"
)

// usual are the ports that an address need not name.
var usual = map[string]string{"http": "80", "https": "443", "ssh": "22", "git": "9418"}

// scp is how git writes SSH addresses without a scheme: user@host:path.
var scp = regexp.MustCompile(`^(?:[^@/:\s]+@)?([A-Za-z0-9._-]+):([^/\s][^\s]*|/[^/\s][^\s]*)$`)

// Place is host and path of a repository's address, the same for all ways to reach it; "" if it is none.
func Place(address string) string {
	address = strings.TrimSpace(address)
	if m := scp.FindStringSubmatch(address); m != nil {
		return place(m[1], m[2])
	}
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" {
		return ""
	}
	host := u.Hostname()
	if port := u.Port(); port != "" && port != usual[u.Scheme] {
		return place(host+":"+port, u.Path)
	}
	return place(host, u.Path)
}

// place takes no notice of case: servers that tell two repositories apart by it are rarer than people who mix it up.
func place(host, path string) string {
	host, port, named := strings.Cut(strings.ToLower(host), ":")
	host = strings.TrimSuffix(strings.TrimSuffix(host, "."), ".cluster.local")
	if named {
		host += ":" + port
	}
	path = strings.TrimSuffix(strings.Trim(strings.ToLower(path), "/"), ".git")
	if path == "" {
		return ""
	}
	return host + "/" + path
}
