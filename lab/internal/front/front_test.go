// SPDX-License-Identifier: Apache-2.0

package front

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"rhumb.run/rhumb/lab/internal/pki"
)

const secret = "open sesame"

// outside runs a Front, and gives a client whose every connection leads to it,
// as every outside name does in a lab, and who trusts its authority.
func outside(t *testing.T, reg http.Handler) *http.Transport {
	t.Helper()
	dir := t.TempDir()
	authority, err := pki.OpenAuthority(dir, Authority)
	if err != nil {
		t.Fatal(err)
	}
	backend := func(h http.Handler) *url.URL {
		s := httptest.NewServer(h)
		t.Cleanup(s.Close)
		u, err := url.Parse(s.URL)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	git := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "git %s %s://%s %s", r.URL.Path, r.Header.Get("X-Forwarded-Proto"), r.Host, r.Header.Get("Authorization"))
	})
	f := New(authority, Names{Git: []string{"github.com"}, Registry: []string{"ghcr.io"}, GitURL: backend(git), RegistryURL: backend(reg), Password: secret})
	server := httptest.NewUnstartedServer(f)
	server.TLS = &tls.Config{GetCertificate: f.Certificate, MinVersion: tls.VersionTLS12}
	server.StartTLS()
	server.TLS.Certificates = nil // httptest's own, which is good for other names
	t.Cleanup(server.Close)
	pem, err := os.ReadFile(filepath.Join(dir, Authority+".crt"))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	return &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, server.Listener.Addr().String())
		},
		TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12},
	}
}

func get(t *testing.T, tr http.RoundTripper, url string, more func(*http.Request)) (*http.Response, string, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if more != nil {
		more(req)
	}
	resp, err := tr.RoundTrip(req)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	return resp, string(raw), err
}

func TestGitSeesWhatWasAsked(t *testing.T) {
	tr := outside(t, http.NotFoundHandler())
	_, got, err := get(t, tr, "https://github.com/making/hello", func(r *http.Request) { r.SetBasicAuth("lab", "x") })
	if err != nil {
		t.Fatal(err)
	}
	// Who may push is git's own decision: it gets the password.
	if want := "git /making/hello https://github.com Basic "; !strings.HasPrefix(got, want) || strings.HasSuffix(got, want) {
		t.Errorf("got %q, want %q with a password", got, want)
	}
}

func TestNobodyElseIsAnsweredFor(t *testing.T) {
	tr := outside(t, http.NotFoundHandler())
	if _, _, err := get(t, tr, "https://example.com/", nil); err == nil {
		t.Error("there is a certificate for a name that the lab was not asked to answer for")
	}
	resp, _, err := get(t, tr, "https://github.com/", func(r *http.Request) { r.Host = "example.com" })
	if err != nil || resp.StatusCode != http.StatusMisdirectedRequest {
		t.Errorf("a name in a header alone got %v, %v", resp, err)
	}
}

func TestWhoMayPush(t *testing.T) {
	user := func(u, p string) authn.Authenticator { return &authn.Basic{Username: u, Password: p} }
	for name, tc := range map[string]struct {
		why         string
		auth        authn.Authenticator
		push, reads bool
	}{
		"Anybody":       {"as on a public registry: everybody reads, nobody writes", authn.Anonymous, false, true},
		"User":          {"with the password", user("lab", secret), true, true},
		"WrongPassword": {"it is the push that is refused, not what is read on the way to it", user("lab", "guess"), false, true},
		"WrongUser":     {"there is one", user("root", secret), false, true},
	} {
		t.Run(name, func(t *testing.T) {
			var hosts []string
			reg := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
			tr := outside(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Authorization") != "" {
					t.Error("the registry is shown a password")
				}
				hosts = append(hosts, r.Host)
				reg.ServeHTTP(w, r)
			}))
			first := pushed(t, tr, "ghcr.io/lab/there:1", user("lab", secret))
			if first != nil {
				t.Fatal(first)
			}
			if err := pushed(t, tr, "ghcr.io/lab/app:1", tc.auth); (err == nil) != tc.push {
				t.Errorf("%s: pushing: %v", tc.why, err)
			} else if err != nil && !strings.Contains(strings.ToUpper(err.Error()), "UNAUTHORIZED") {
				t.Errorf("%s: the refusal says %v", tc.why, err)
			}
			_, err := head(t, tr, "ghcr.io/lab/there:1", tc.auth)
			if (err == nil) != tc.reads {
				t.Errorf("%s: reading: %v", tc.why, err)
			}
			for _, h := range hosts { // notifications name images by it
				if h != "ghcr.io" {
					t.Errorf("the registry was asked as %s", h)
				}
			}
		})
	}
}

// TestClientsAreAskedForPasswords shows that the question how to log in is
// answered: clients send no password that nobody asked for.
func TestClientsAreAskedForPasswords(t *testing.T) {
	tr := outside(t, registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	for why, login := range map[string]func(*http.Request){
		"a client that has not logged in": nil,
		"a login that is tried":           func(r *http.Request) { r.SetBasicAuth("lab", "guess") },
	} {
		resp, body, err := get(t, tr, "https://ghcr.io/v2/", login)
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != http.StatusUnauthorized || !strings.HasPrefix(resp.Header.Get("WWW-Authenticate"), "Basic ") || !strings.Contains(body, "UNAUTHORIZED") {
			t.Errorf("%s: got %s, %v, %s", why, resp.Status, resp.Header, body)
		}
	}
	if resp, _, err := get(t, tr, "https://ghcr.io/v2/", func(r *http.Request) { r.SetBasicAuth("lab", secret) }); err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("the user is not let in: %v, %v", resp, err)
	}
}

func pushed(t *testing.T, tr http.RoundTripper, ref string, as authn.Authenticator) error {
	t.Helper()
	img, err := random.Image(100, 1)
	if err != nil {
		t.Fatal(err)
	}
	return remote.Write(tag(t, ref), img, remote.WithTransport(tr), remote.WithAuth(as), remote.WithContext(t.Context()))
}

func head(t *testing.T, tr http.RoundTripper, ref string, as authn.Authenticator) (*v1.Descriptor, error) {
	t.Helper()
	return remote.Head(tag(t, ref), remote.WithTransport(tr), remote.WithAuth(as), remote.WithContext(t.Context()))
}

func tag(t *testing.T, ref string) name.Reference {
	t.Helper()
	r, err := name.ParseReference(ref)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
