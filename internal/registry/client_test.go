// SPDX-License-Identifier: Apache-2.0

package registry_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"rhumb.run/rhumb/internal/core/image"
	"rhumb.run/rhumb/internal/registry"
	"rhumb.run/rhumb/internal/registry/contract"
	"rhumb.run/rhumb/internal/registry/contract/distribution"
)

const canary = "canary-5e1f"

func login(host, user string) image.Login {
	return image.Login{Host: host, Username: user, Password: canary, From: "Secret team/" + user}
}

// answers makes a fault of one status, with headers as pairs.
func answers(code int, body string, headers ...string) func(http.ResponseWriter, *http.Request, http.Handler) {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(code)
		_, _ = io.WriteString(w, body)
	}
}

func TestResolveFails(t *testing.T) {
	hang := make(chan struct{})
	t.Cleanup(func() { close(hang) })
	cases := map[string]struct {
		why    string
		fault  func(http.ResponseWriter, *http.Request, http.Handler)
		reason string
		words  []string // in the message, which has the endpoint too
		after  time.Duration
	}{
		"Unauthorized": {
			"nobody said who we are", answers(401, "", "WWW-Authenticate", `Basic realm="x"`), image.ReasonUnauthorized,
			[]string{"401", "add a pull secret for " + contract.Host, "spec.imagePullSecrets"},
			0,
		},
		"Forbidden": {"some registries say 403", answers(403, ""), image.ReasonUnauthorized, []string{"403"}, 0},
		"NotFound":  {"the tag is not there", answers(404, ""), image.ReasonNotFound, []string{"push it"}, 0},
		"Throttled": {
			"the registry asks for peace, and how much", answers(429, "", "Retry-After", "7"), image.ReasonThrottled,
			[]string{"429", "mirror"},
			7 * time.Second,
		},
		"Unavailable": {"a registry in trouble", answers(503, "", "Retry-After", "9"), image.ReasonRemote, []string{"503"}, 9 * time.Second},
		"Slow": {"a registry that never answers is given up on", func(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
			select {
			case <-hang:
			case <-r.Context().Done():
			}
		}, image.ReasonUnreachable, []string{"no answer in time"}, 0},
		"Reset": {"a connection that breaks", func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
			panic(http.ErrAbortHandler)
		}, image.ReasonUnreachable, []string{"EOF"}, 0},
		"NoBody": {"a manifest without end is not read to its end", func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
			if r.Method == http.MethodGet {
				_, _ = io.CopyN(w, zeros{}, 32<<20)
			}
		}, image.ReasonRemote, []string{"larger than"}, 0},
		"Redirects": {"redirects in a circle end", func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
			http.Redirect(w, r, r.URL.Path+"x", http.StatusTemporaryRedirect)
		}, image.ReasonRemote, []string{"more than 5 redirects"}, 0},
		"Inward": {"a registry cannot send us to where the controller's secrets are", func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
			http.Redirect(w, r, "http://169.254.169.254/latest/meta-data", http.StatusTemporaryRedirect)
		}, image.ReasonUnreachable, []string{"link-local", "registries file"}, 0},
		"Loopback": {"nor to ourselves", func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
			http.Redirect(w, r, "http://[::ffff:127.0.0.1]:1/", http.StatusTemporaryRedirect)
		}, image.ReasonUnreachable, []string{"loopback"}, 0},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := contract.NewFront(t, distribution.New())
			f.Fault(tc.fault)
			c := registry.NewClient(registry.Options{Hosts: f.Hosts(), Timeout: 2 * time.Second})
			_, err := c.Resolve(t.Context(), contract.Ref(t, "apps/demo"), nil)
			if got := contract.Reason(err); got != tc.reason {
				t.Fatalf("%s: reason %s, want %s: %v", tc.why, got, tc.reason, err)
			}
			for _, w := range append(tc.words, f.URL) {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%s: %q is not in %q", tc.why, w, err)
				}
			}
			_, again := c.Resolve(t.Context(), contract.Ref(t, "apps/demo"), nil)
			if again == nil || again.Error() != err.Error() {
				t.Errorf("the same failure has two texts, so that a status would be written for each try:\n%v\n%v", err, again)
			}
			if got := after(err); got != tc.after {
				t.Errorf("%s: asked for %s, want %s", tc.why, got, tc.after)
			}
		})
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func after(err error) time.Duration {
	f, _ := err.(*image.Failure) //nolint:errorlint // Resolve promises this type
	if f == nil {
		return -1
	}
	return f.After
}

// closed is an address where nobody listens.
func closed(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return addr
}

func TestUnreachable(t *testing.T) {
	addr := closed(t)
	announced, err := registry.ParseAnnounced(map[string]string{registry.AnnouncedKey: "host: localhost:5000\nhostFromClusterNetwork: " + addr}, true)
	if err != nil {
		t.Fatal(err)
	}
	silent, err := registry.ParseAnnounced(map[string]string{registry.AnnouncedKey: "host: localhost:5000\nhelp: ask your admin"}, true)
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		why   string
		hosts []registry.Host
		image string
		words []string
	}{
		"Announced": {
			"the addresses that were tried are those that the cluster announced, by HTTP and then HTTPS", announced, "localhost:5000/a",
			[]string{"http://" + addr + ": connection refused; https://" + addr + ": connection refused", "hostFromClusterNetwork"},
		},
		"AnnouncedHalf": {
			"an announcement for people's machines only is told apart", silent, "localhost:5000/a",
			[]string{"https://localhost:5000: ", "without hostFromClusterNetwork", "add that"},
		},
		"Loopback": {"a tenant's image does not reach the controller's own pod", nil, addr + "/a", []string{"loopback", "--registries-config"}},
		"Metadata": {"nor its cloud", nil, "169.254.169.254/a", []string{"link-local"}},
		"NoHost":   {"a name that is nobody's", nil, "registry.invalid/a", []string{`no such host "registry.invalid"`, "registries file"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			h := registry.NewHosts()
			h.SetAnnounced(tc.hosts)
			ref, err := image.Parse(tc.image)
			if err != nil {
				t.Fatal(err)
			}
			_, err = registry.NewClient(registry.Options{Hosts: h}).Resolve(t.Context(), ref, nil)
			if contract.Reason(err) != image.ReasonUnreachable {
				t.Fatalf("%s: %v", tc.why, err)
			}
			for _, w := range tc.words {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%s: %q is not in %q", tc.why, w, err)
				}
			}
		})
	}
}

func TestMirrors(t *testing.T) {
	origin, mirror := contract.NewFront(t, distribution.New()), contract.NewFront(t, distribution.New())
	old := contract.Push(t, mirror.URL, "hub/apps/demo", contract.Image(t, contract.Files{"a": "mirrored"}))
	only := contract.Push(t, origin.URL, "apps/only", contract.Image(t, contract.Files{"a": "origin"}))
	h := registry.NewHosts()
	h.SetFile([]registry.Host{{Host: contract.Host, Mirrors: []registry.Mirror{{URL: "http://" + closed(t)}, {URL: mirror.URL + "/hub"}}, Endpoint: origin.URL}})
	c := registry.NewClient(registry.Options{Hosts: h})
	origin.Asked()
	if got, err := c.Resolve(t.Context(), contract.Ref(t, "apps/demo"), nil); err != nil || got != old {
		t.Errorf("a mirror is asked first, the next if it is down: %s %v", got, err)
	}
	if asked := origin.Asked(); len(asked) > 0 {
		t.Errorf("the origin was asked although a mirror had the image: %v", asked)
	}
	if got, err := c.Resolve(t.Context(), contract.Ref(t, "apps/only"), nil); err != nil || got != only {
		t.Errorf("what no mirror has comes from the origin: %s %v", got, err)
	}
	_, err := c.Resolve(t.Context(), contract.Ref(t, "apps/none"), nil)
	if contract.Reason(err) != image.ReasonNotFound || !strings.Contains(err.Error(), mirror.URL+"/hub: ") || !strings.Contains(err.Error(), origin.URL+": ") {
		t.Errorf("all that were tried are named: %v", err)
	}
}

// A mirror is another host: the password for the registry is not for it.
func TestMirrorGetsNoLogin(t *testing.T) {
	origin := contract.NewFront(t, basic(distribution.New(), "me"))
	mirror := contract.NewFront(t, distribution.New())
	var leaked string
	mirror.Fault(func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		leaked += r.Header.Get("Authorization")
		answers(401, "", "WWW-Authenticate", `Basic realm="x"`)(w, r, nil)
	})
	h := registry.NewHosts()
	h.SetFile([]registry.Host{{Host: contract.Host, Mirrors: []registry.Mirror{{URL: mirror.URL}}, Endpoint: origin.URL}})
	_, err := registry.NewClient(registry.Options{Hosts: h}).Resolve(t.Context(), contract.Ref(t, "a"), image.Logins{login(contract.Host, "me")})
	if contract.Reason(err) != image.ReasonNotFound || leaked != "" {
		t.Errorf("mirror was sent %q; the origin let us in: %v", leaked, err)
	}
}

// basic wants one user with the canary for a password.
func basic(next http.Handler, user string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if u, p, _ := r.BasicAuth(); u != user || p != canary {
			w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func TestBasicLogins(t *testing.T) {
	f := contract.NewFront(t, basic(distribution.New(), "right"))
	c := registry.NewClient(registry.Options{Hosts: f.Hosts()})
	right, wrong := login(contract.Host, "right"), login(contract.Host, "wrong")
	for range 2 {
		_, err := c.Resolve(t.Context(), contract.Ref(t, "a"), image.Logins{wrong, right})
		if contract.Reason(err) != image.ReasonNotFound {
			t.Errorf("the next login is tried when one is refused: %v", err)
		}
	}
	f.Asked()
	if _, err := c.Resolve(t.Context(), contract.Ref(t, "a"), image.Logins{right}); err == nil || len(f.Asked()) != 1 {
		t.Error("once let in, a poll is one request")
	}
	_, err := c.Resolve(t.Context(), contract.Ref(t, "a"), image.Logins{wrong})
	if contract.Reason(err) != image.ReasonUnauthorized || !strings.Contains(err.Error(), "for Secret team/wrong; renew") || strings.Contains(err.Error(), canary) {
		t.Errorf("a refused login is named, not shown: %v", err)
	}
	other := login("other.example.com", "right")
	if _, err := c.Resolve(t.Context(), contract.Ref(t, "a"), image.Logins{other}); contract.Reason(err) != image.ReasonUnauthorized {
		t.Errorf("a login of another host was used: %v", err)
	}
}

// tokens is a token service that lets in one user, and knows which tokens it gave.
func tokens(t *testing.T, user string, seen *[]string) *contract.Front {
	t.Helper()
	return contract.NewFront(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*seen = append(*seen, r.URL.Query().Get("scope"))
		if u, p, _ := r.BasicAuth(); u != user || p != canary {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = fmt.Fprintf(w, `{"errors":[{"code":"DENIED","message":"password %s is wrong"}]}`, p)
			return
		}
		_, _ = fmt.Fprint(w, `{"token":"granted","expires_in":300}`)
	}))
}

func bearer(next http.Handler, realm string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer granted" {
			w.Header().Set("WWW-Authenticate", `Bearer realm="`+realm+`",service="a,b"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func TestTokens(t *testing.T) {
	var asked []string
	service := tokens(t, "me", &asked)
	f := contract.NewFront(t, bearer(distribution.New(), service.URL))
	trusted := registry.NewHosts()
	trusted.SetFile([]registry.Host{
		{Host: contract.Host, Endpoint: f.URL, TokenHosts: []string{"127.0.0.1"}},
		{Host: "tokens.example.com", Endpoint: service.URL},
	})
	me := image.Logins{login(contract.Host, "me")}

	c := registry.NewClient(registry.Options{Hosts: trusted})
	for range 3 {
		if _, err := c.Resolve(t.Context(), contract.Ref(t, "a/b"), me); contract.Reason(err) != image.ReasonNotFound {
			t.Fatalf("with a token: %v", err)
		}
	}
	if len(asked) != 1 || asked[0] != "repository:a/b:pull" || len(f.Asked()) != 4 {
		t.Errorf("one token serves many polls: asked for %v", asked)
	}
	_, err := c.Resolve(t.Context(), contract.Ref(t, "a/b"), image.Logins{login(contract.Host, "you")})
	if contract.Reason(err) != image.ReasonUnauthorized || strings.Contains(err.Error(), canary) || !strings.Contains(err.Error(), "password [redacted] is wrong") {
		t.Errorf("a service that echoes the password: %v", err)
	}
}

// A registry that names a token service elsewhere would collect the passwords that were given for it.
func TestTokenServiceElsewhere(t *testing.T) {
	var asked []string
	service := tokens(t, "me", &asked)
	f := contract.NewFront(t, bearer(distribution.New(), strings.Replace(service.URL, "127.0.0.1", "localhost", 1)))
	h := registry.NewHosts()
	h.SetFile([]registry.Host{{Host: contract.Host, Endpoint: f.URL}, {Host: "x.example.com", Endpoint: strings.Replace(service.URL, "127.0.0.1", "localhost", 1)}})
	_, err := registry.NewClient(registry.Options{Hosts: h}).Resolve(t.Context(), contract.Ref(t, "a"), image.Logins{login(contract.Host, "me")})
	if contract.Reason(err) != image.ReasonUnauthorized || !strings.Contains(err.Error(), "tokenHosts") || len(asked) != 0 {
		t.Errorf("password sent %d times: %v", len(asked), err)
	}
}

// Blobs are often a redirect away, in a bucket that must not see the password.
func TestRedirectDropsLogin(t *testing.T) {
	f := contract.NewFront(t, distribution.New())
	digest := contract.Push(t, f.URL, "a", contract.Image(t, contract.Files{"x": "1"}))
	var leaked string
	bucket := contract.NewFront(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		leaked += r.Header.Get("Authorization") + r.Header.Get("Referer")
		f.Config.Handler.ServeHTTP(w, r)
	}))
	redirecting := basic(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, bucket.URL+r.URL.Path, http.StatusTemporaryRedirect)
	}), "me")
	front := contract.NewFront(t, redirecting)
	h := registry.NewHosts()
	h.SetFile([]registry.Host{{Host: contract.Host, Endpoint: front.URL}, {Host: "bucket.example.com", Endpoint: bucket.URL}})
	c := registry.NewClient(registry.Options{Hosts: h})
	me := image.Logins{login(contract.Host, "me")}
	var b bytes.Buffer
	if err := contract.NewExporter(t, c).Export(t.Context(), contract.Ref(t, "a@"+digest), me, &b); err != nil {
		t.Fatal(err)
	}
	if leaked != "" || b.Len() == 0 {
		t.Errorf("the bucket was sent %q", leaked)
	}
}

// Nothing that fails, in whatever way, says the password, in the clear or in a header's coding.
func TestNoFailureShowsALogin(t *testing.T) {
	coded := base64.StdEncoding.EncodeToString([]byte("me:" + canary))
	for _, code := range []int{400, 401, 403, 404, 429, 500} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			f := contract.NewFront(t, distribution.New())
			f.Fault(func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
				if r.Method == http.MethodHead && r.Header.Get("Authorization") != "" {
					w.WriteHeader(http.StatusMethodNotAllowed)
					return
				}
				if r.Header.Get("Authorization") == "" {
					answers(401, "", "WWW-Authenticate", `Basic realm="x"`)(w, r, nil)
					return
				}
				answers(code, `{"errors":[{"code":"X","message":"`+canary+" "+coded+`"}]}`)(w, r, nil)
			})
			_, err := registry.NewClient(registry.Options{Hosts: f.Hosts()}).Resolve(t.Context(), contract.Ref(t, "a"), image.Logins{login(contract.Host, "me")})
			text := fmt.Sprintf("%v %+v %#v", err, err, err)
			if err == nil || strings.Contains(text, canary) || strings.Contains(text, coded) {
				t.Errorf("%d: %s", code, text)
			}
		})
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	f := contract.NewFront(t, distribution.New())
	if _, err := registry.NewClient(registry.Options{Hosts: f.Hosts()}).Resolve(ctx, contract.Ref(t, "a"), nil); err == nil {
		t.Error("resolved without a context")
	}
}
