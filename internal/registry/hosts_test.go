// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"errors"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
)

func endpoints(h *Hosts, host string) []string {
	var out []string
	for _, e := range h.Endpoints(host) {
		s := e.String() + " as " + e.LoginHost
		if e.Mirror {
			s += ", mirror"
		}
		out = append(out, s)
	}
	return out
}

// TestPoliciesHosts: what policies say of registries holds where nobody else says anything.
func TestPoliciesHosts(t *testing.T) {
	h := NewHosts()
	h.SetFile([]Host{{Host: "file.example", CA: "file"}})
	h.SetPolicies([]Host{
		{Host: "one.example", CA: "first"},
		{Host: AnyHost, CA: "any"},
		{Host: "one.example", CA: "second"},
		{Host: "file.example", CA: "policy"},
		{Host: "plain.example", PlainHTTP: true},
	})
	for host, c := range map[string]struct{ why, want string }{
		"one.example":   {"of two the first is heard", "https first"},
		"file.example":  {"the operator's file comes before all", "https file"},
		"plain.example": {"who is named is not any", "http "},
		"docker.io":     {"Docker Hub is any other", "https any"},
		"other.example": {"and so is who is not named", "https any"},
	} {
		if e := h.Endpoints(host)[0]; e.URL.Scheme+" "+e.CA != c.want {
			t.Errorf("%s: %s is %s %s, want %s", c.why, host, e.URL.Scheme, e.CA, c.want)
		}
	}
	if h.trusts("*:443") {
		t.Error("* is no address that somebody named")
	}
}

func TestEndpoints(t *testing.T) {
	announced, err := ParseAnnounced(map[string]string{AnnouncedKey: `
host: "localhost:5000"
hostFromContainerRuntime: "registry:5000"
hostFromClusterNetwork: "10.250.0.1:5000"
help: "https://example.com"`}, true)
	if err != nil {
		t.Fatal(err)
	}
	file := `
registries:
- host: docker.io
  mirrors:
  - url: https://mirror.example.com/hub/
- host: plain.example.com:5000
  plainHTTP: true
- host: index.example.com
  endpoint: http://10.1.2.3:5000
`
	hosts, err := ParseConfig([]byte(file), nil)
	if err != nil {
		t.Fatal(err)
	}
	h := NewHosts()
	h.SetFile(hosts)
	h.SetAnnounced(announced)
	cases := map[string]struct {
		why  string
		host string
		want []string
	}{
		"Unknown":   {"a host nobody configured is itself, by HTTPS", "quay.io", []string{"https://quay.io as quay.io"}},
		"Hub":       {"mirrors come first; the hub answers at another name, for the same login", "docker.io", []string{"https://mirror.example.com/hub as mirror.example.com, mirror", "https://registry-1.docker.io as docker.io"}},
		"Plain":     {"plain HTTP is for whom an operator says so", "plain.example.com:5000", []string{"http://plain.example.com:5000 as plain.example.com:5000"}},
		"Endpoint":  {"a registry may live at another address", "index.example.com", []string{"http://10.1.2.3:5000 as index.example.com"}},
		"Announced": {"the name that the kubelet knows is reached where pods reach it", "localhost:5000", []string{"http://10.250.0.1:5000 as localhost:5000", "https://10.250.0.1:5000 as localhost:5000"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, endpoints(h, tc.host)); diff != "" {
				t.Errorf("%s:\n%s", tc.why, diff)
			}
		})
	}
	for addr, want := range map[string]bool{"10.250.0.1:5000": true, "plain.example.com:5000": true, "mirror.example.com:443": true, "localhost:5000": false, "10.250.0.1:5001": false, "127.0.0.1:80": false} {
		if h.trusts(addr) != want {
			t.Errorf("an operator named %s: %v, want %v", addr, !want, want)
		}
	}
	h.SetFile(nil)
	if got := endpoints(h, "plain.example.com:5000"); got[0] != "https://plain.example.com:5000 as plain.example.com:5000" || h.trusts("plain.example.com:5000") {
		t.Errorf("an entry that is gone still counts: %v", got)
	}
}

func TestParseAnnounced(t *testing.T) {
	cases := map[string]struct {
		why       string
		text      string
		inCluster bool
		want      []string // endpoints of localhost:5000
		bad       bool
	}{
		"Outside":   {"outside, the host is what people type", "host: localhost:5000\nhostFromClusterNetwork: reg:5000", false, []string{"http://localhost:5000 as localhost:5000", "https://localhost:5000 as localhost:5000"}, false},
		"Runtime":   {"the nodes' name is better than none", "host: localhost:5000\nhostFromContainerRuntime: kind-registry:5000", true, []string{"http://kind-registry:5000 as localhost:5000", "https://kind-registry:5000 as localhost:5000"}, false},
		"HostOnly":  {"inside, the host alone is ourselves: nothing is guessed", "host: localhost:5000", true, []string{"https://localhost:5000 as localhost:5000"}, false},
		"Empty":     {"an announcement of nothing", "help: x", true, []string{"https://localhost:5000 as localhost:5000"}, false},
		"NotYAML":   {"is said, and the one before stays", "host: [", true, nil, true},
		"NotAHost":  {"an address is a host and a port", "host: localhost:5000\nhostFromClusterNetwork: \"x y/z?\"", true, nil, true},
		"Smuggling": {"and has no password", "host: localhost:5000\nhostFromClusterNetwork: user:pw@evil", true, nil, true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			hosts, err := ParseAnnounced(map[string]string{AnnouncedKey: tc.text}, tc.inCluster)
			if tc.bad {
				if err == nil {
					t.Errorf("%s: taken as %+v", tc.why, hosts)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			h := NewHosts()
			h.SetAnnounced(hosts)
			if diff := cmp.Diff(tc.want, endpoints(h, "localhost:5000")); diff != "" {
				t.Errorf("%s:\n%s", tc.why, diff)
			}
			if tc.inCluster && h.trusts("localhost:5000") {
				t.Error("an announcement opened the controller's own loopback")
			}
		})
	}
}

func TestParseConfigRefuses(t *testing.T) {
	none := func(string) ([]byte, error) { return nil, errors.New("no such file") }
	cases := map[string]struct{ why, text, want string }{
		"Typo":     {"a field that does nothing is an error", "registries:\n- host: a.b\n  insecure: true", "insecure"},
		"NoHost":   {"an entry is for a host", "registries:\n- plainHTTP: true", "want a registry's name"},
		"URLHost":  {"images name hosts, not URLs", "registries:\n- host: https://a.b", "want a registry's name"},
		"PathHost": {"nor paths", "registries:\n- host: a.b/c", "want a registry's name"},
		"Twice":    {"two words about one host", "registries:\n- host: docker.io\n- host: index.docker.io", "listed twice"},
		"Mirror":   {"a mirror's scheme is written out", "registries:\n- host: a.b\n  mirrors: [{url: mirror.b}]", "want a URL"},
		"Password": {"credentials are not configuration", "registries:\n- host: a.b\n  mirrors: [{url: \"https://u:p@m.b\"}]", "pull secret"},
		"CA":       {"a CA that is none", "registries:\n- host: a.b\n  ca: hello", "no PEM certificate"},
		"CAFile":   {"a CA that is not there", "registries:\n- host: a.b\n  caFile: /ca.pem", "no such file"},
		"Both":     {"an endpoint has a scheme already", "registries:\n- host: a.b\n  endpoint: https://c.d\n  plainHTTP: true", "goes without"},
		"NotYAML":  {"text that is no YAML", "registries: [", "parsing registries"},
		"TooLarge": {"size is bounded", strings.Repeat("#", 2<<20), "larger than"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := ParseConfig([]byte(tc.text), none)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%s: %v, want %q", tc.why, err, tc.want)
			}
		})
	}
}

func TestAlias(t *testing.T) {
	h := NewHosts()
	h.SetFile([]Host{{Host: "quay.io"}, {Host: "localhost:5000", Endpoint: "http://10.250.0.1:5000"}})
	cases := map[string]struct {
		why, sender, host string
		want              bool
	}{
		"Self":      {"a registry that knows its name", "localhost:5000", "localhost:5000", true},
		"Endpoint":  {"one that knows its address", "10.250.0.1:5000", "localhost:5000", true},
		"Forwarded": {"one behind a port nobody told us of", "127.0.0.1:41234", "localhost:5000", true},
		"Other":     {"one that we know to be another", "quay.io", "localhost:5000", false},
		"Hub":       {"nobody but the hub speaks for the hub", "127.0.0.1:41234", "docker.io", false},
		"HubItself": {"by any of its names", "registry-1.docker.io", "docker.io", true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := h.Alias(tc.sender, tc.host); got != tc.want {
				t.Errorf("%s: got %v", tc.why, got)
			}
		})
	}
}

func TestForbidden(t *testing.T) {
	for addr, want := range map[string]string{
		"127.0.0.1": "loopback", "127.9.9.9": "loopback", "::1": "loopback", "::ffff:127.0.0.1": "loopback",
		"169.254.169.254": "link-local", "fe80::1%eth0": "link-local", "0.0.0.0": "unspecified", "::": "unspecified",
		"224.0.0.1": "multicast", "ff02::1": "multicast", "fd00:ec2::254": "cloud metadata", "100.100.100.200": "cloud metadata",
		"255.255.255.255": "broadcast", "10.0.0.1": "", "192.168.1.1": "", "8.8.8.8": "", "2001:db8::1": "",
	} {
		if got := forbidden(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s is %q, want %q", addr, got, want)
		}
	}
}

func TestMayHoldLogin(t *testing.T) {
	cases := map[string]struct {
		why, endpoint, login, realm string
		want                        bool
	}{
		"Same":      {"the registry itself", "https://reg.example.com", "reg.example.com", "https://reg.example.com/token", true},
		"Hub":       {"the hub's, by its login's domain", "https://registry-1.docker.io", "docker.io", "https://auth.docker.io/token", true},
		"Sibling":   {"a host of the same domain", "https://registry.gitlab.example.co.uk", "registry.gitlab.example.co.uk", "https://gitlab.example.co.uk/jwt", true},
		"Elsewhere": {"anybody else", "https://reg.example.com", "reg.example.com", "https://evil.example.net/token", false},
		"Suffix":    {"a domain under a public suffix is nobody's sibling", "https://a.co.uk", "a.co.uk", "https://b.co.uk/token", false},
		"Plain":     {"never by plain HTTP from a registry with TLS", "https://reg.example.com", "reg.example.com", "http://reg.example.com/token", false},
		"Address":   {"addresses are no domain", "http://10.0.0.1:5000", "localhost:5000", "http://10.0.0.2:5000/token", false},
		"OtherPort": {"nor are two ports of a name without one", "http://localhost:5000", "localhost:5000", "http://localhost:5001/token", false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			e, err := url.Parse(tc.endpoint)
			if err != nil {
				t.Fatal(err)
			}
			realm, err := url.Parse(tc.realm)
			if err != nil {
				t.Fatal(err)
			}
			if got := mayHoldLogin(Endpoint{URL: *e, LoginHost: tc.login}, realm); got != tc.want {
				t.Errorf("%s: got %v", tc.why, got)
			}
		})
	}
}

func TestFileReloads(t *testing.T) {
	path := filepath.Join(t.TempDir(), "registries.yaml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	h := NewHosts()
	if _, err := NewFile(path, h, logr.Discard()); err == nil {
		t.Error("a file that is not there is an error at start")
	}
	write("registries: [{host: a.b, plainHTTP: true}]")
	synctest.Test(t, func(t *testing.T) {
		changes := 0
		h.OnChange(func() { changes++ })
		f, err := NewFile(path, h, logr.Discard())
		if err != nil {
			t.Fatal(err)
		}
		go func() { _ = f.Start(t.Context()) }()
		pass := func(text, want string, changed int) {
			t.Helper()
			write(text)
			wait(3 * reloadEvery)
			if got := endpoints(h, "a.b")[0]; got != want || changes != changed {
				t.Errorf("%q: reached at %s after %d changes, want %s after %d", text, got, changes, want, changed)
			}
		}
		pass("registries: [{host: a.b, plainHTTP: true}] # again", "http://a.b as a.b", 1)
		pass("registries: [", "http://a.b as a.b", 1)
		pass("registries: []", "https://a.b as a.b", 2)
	})
}

// wait lets the fake clock of a test run on.
func wait(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func TestChallenge(t *testing.T) {
	cases := map[string]struct {
		why    string
		header []string
		want   challenge
		ok     bool
	}{
		"Hub":      {"a comma may stand in quotes", []string{`Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a:pull,push"`}, challenge{bearer: true, realm: "https://auth.docker.io/token", service: "registry.docker.io", scope: "repository:a:pull,push"}, true},
		"Bare":     {"quotes may be left out", []string{`bearer realm=https://a/b, service=c`}, challenge{bearer: true, realm: "https://a/b", service: "c"}, true},
		"Both":     {"a token is better than a password", []string{`Basic realm="x"`, `Bearer realm="https://a"`}, challenge{bearer: true, realm: "https://a"}, true},
		"Basic":    {"as it is", []string{`Basic realm="x"`}, challenge{}, true},
		"NoRealm":  {"a token from nowhere", []string{`Bearer service="x"`}, challenge{}, false},
		"Other":    {"a scheme we do not have", []string{`Negotiate`}, challenge{}, false},
		"None":     {"no word at all", nil, challenge{}, false},
		"Unclosed": {"quotes that do not end", []string{`Bearer realm="https://a`}, challenge{bearer: true, realm: "https://a"}, true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, ok := readChallenge(map[string][]string{"Www-Authenticate": tc.header})
			if got != tc.want || ok != tc.ok {
				t.Errorf("%s: %+v %v", tc.why, got, ok)
			}
		})
	}
}

func FuzzChallenge(f *testing.F) {
	f.Add(`Bearer realm="https://a",service="b"`)
	f.Add(`Bearer =,="=`)
	f.Fuzz(func(t *testing.T, header string) {
		c, ok := readChallenge(map[string][]string{"Www-Authenticate": {header}})
		if c.bearer && (!ok || c.realm == "") {
			t.Fatalf("%q is %+v", header, c)
		}
	})
}
