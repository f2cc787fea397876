// SPDX-License-Identifier: Apache-2.0

package hub

import (
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"rhumb.run/rhumb/lab/internal/socket"
)

const secret = "open sesame"

var (
	lab   = &authn.Basic{Username: "lab", Password: secret}
	guess = &authn.Basic{Username: "lab", Password: "guess"}
)

// world is a hub, and a client whose every connection leads to it.
type world struct {
	t   *testing.T
	hub *Hub
	tr  *http.Transport

	mu  sync.Mutex
	now time.Time
}

func start(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, now: time.Unix(1_700_000_000, 0)}
	behind := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	w.hub = New(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			t.Error("the registry is shown a token")
		}
		behind.ServeHTTP(rw, r)
	}), secret, func() time.Time {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.now
	})
	server := httptest.NewTLSServer(w.hub)
	t.Cleanup(server.Close)
	w.tr = &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, server.Listener.Addr().String())
		},
		// That the certificates are good is seen where the hub runs as a program.
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12},
	}
	return w
}

func (w *world) later(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func (w *world) push(ref string, as authn.Authenticator) error {
	w.t.Helper()
	img, err := random.Image(1000, 2)
	if err != nil {
		w.t.Fatal(err)
	}
	return remote.Write(w.tag(ref), img, w.options(as)...)
}

func (w *world) options(as authn.Authenticator) []remote.Option {
	return []remote.Option{remote.WithTransport(w.tr), remote.WithAuth(as), remote.WithContext(w.t.Context()), remote.WithRetryStatusCodes()}
}

func (w *world) tag(ref string) name.Tag {
	w.t.Helper()
	tag, err := name.NewTag(ref)
	if err != nil {
		w.t.Fatal(err)
	}
	return tag
}

// pull fetches a whole image.
func (w *world) pull(ref string, as authn.Authenticator) error {
	img, err := remote.Image(w.tag(ref), w.options(as)...)
	if err != nil {
		return err
	}
	layers, err := img.Layers()
	if err != nil {
		return err
	}
	for _, l := range layers {
		r, err := l.Compressed()
		if err != nil {
			return err
		}
		if _, err := io.Copy(io.Discard, r); err != nil {
			return err
		}
		_ = r.Close()
	}
	return nil
}

func TestWhoMayDoWhat(t *testing.T) {
	for name, tc := range map[string]struct {
		why                 string
		as                  authn.Authenticator
		push, pull, private bool
	}{
		"Anybody":       {"everybody pulls what is public, nobody pushes", authn.Anonymous, false, true, false},
		"User":          {"with the password", lab, true, true, true},
		"WrongPassword": {"as there: a wrong password is worse than none", guess, false, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := start(t)
			for _, ref := range []string{"nginx:1", "private/app:1"} {
				if err := w.push(ref, lab); err != nil {
					t.Fatal(err)
				}
			}
			for what, got := range map[string]struct {
				err  error
				want bool
			}{
				"push": {w.push("team/app:1", tc.as), tc.push}, "pull": {w.pull("nginx:1", tc.as), tc.pull}, "private": {w.pull("private/app:1", tc.as), tc.private},
			} {
				if (got.err == nil) != got.want {
					t.Errorf("%s: %s: %v", tc.why, what, got.err)
				}
			}
		})
	}
}

func (w *world) get(url string, header ...string) (*http.Response, string) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, url, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := w.tr.RoundTrip(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return resp, string(raw)
}

// TestChallenge shows what programs read: where a token is to be had, and for what.
func TestChallenge(t *testing.T) {
	w := start(t)
	for url, want := range map[string]string{
		"https://registry-1.docker.io/v2/": `Bearer realm="https://auth.docker.io/token",service="registry.docker.io"`,
		"https://registry-1.docker.io/v2/library/nginx/manifests/1": `Bearer realm="https://auth.docker.io/token",service="registry.docker.io",` +
			`scope="repository:library/nginx:pull"`,
	} {
		resp, body := w.get(url)
		if resp.StatusCode != http.StatusUnauthorized || resp.Header.Get("WWW-Authenticate") != want || !strings.Contains(body, "UNAUTHORIZED") {
			t.Errorf("%s: %s, %q, %s", url, resp.Status, resp.Header.Get("WWW-Authenticate"), body)
		}
	}
	resp, _ := w.get("https://registry-1.docker.io/v2/library/nginx/manifests/1", "Authorization", "Bearer of.mine")
	if !strings.Contains(resp.Header.Get("WWW-Authenticate"), `error="invalid_token"`) {
		t.Errorf("a token made up is answered by %v", resp.Header)
	}
	if resp, _ := w.get("https://docker.io/"); resp.StatusCode != http.StatusNotFound {
		t.Errorf("something that is no registry is %s", resp.Status)
	}
}

// TestBlobsAreElsewhere shows that a token must not follow the redirect, and
// that the redirect is good for a while and for nobody who makes one up.
func TestBlobsAreElsewhere(t *testing.T) {
	w := start(t)
	if err := w.push("nginx:1", lab); err != nil {
		t.Fatal(err)
	}
	img, err := remote.Image(w.tag("nginx:1"), w.options(authn.Anonymous)...)
	if err != nil {
		t.Fatal(err)
	}
	m, err := img.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	to := w.hub.elsewhere(asked{"library/nginx", "blobs", m.Layers[0].Digest.String()})
	if resp, body := w.get(to); resp.StatusCode != http.StatusOK || int64(len(body)) != m.Layers[0].Size {
		t.Errorf("the blob is %s, %d bytes, want %d", resp.Status, len(body), m.Layers[0].Size)
	}
	for why, tc := range map[string]struct{ url, header string }{
		"a token came along":         {to, "Bearer x"},
		"it is of another blob":      {strings.Replace(to, m.Layers[0].Digest.Hex, m.Layers[1].Digest.Hex, 1), ""},
		"it is of another signature": {strings.Replace(to, "verify=", "verify=x", 1), ""},
	} {
		if resp, _ := w.get(tc.url, "Authorization", tc.header); resp.StatusCode < 400 {
			t.Errorf("%s: %s", why, resp.Status)
		}
	}
	w.later(validity + time.Second)
	if resp, _ := w.get(to); resp.StatusCode != http.StatusForbidden {
		t.Errorf("after its time it is %s", resp.Status)
	}
}

func TestLimit(t *testing.T) {
	w := start(t)
	if err := w.push("nginx:1", lab); err != nil {
		t.Fatal(err)
	}
	w.hub.limit.set(Limit{2, time.Hour})
	for range 2 {
		if err := w.pull("nginx:1", authn.Anonymous); err != nil {
			t.Fatal(err)
		}
	}
	err := w.pull("nginx:1", authn.Anonymous)
	if err == nil || !strings.Contains(err.Error(), "TOOMANYREQUESTS") {
		t.Errorf("the third is answered by %v", err)
	}
	if _, err := remote.Head(w.tag("nginx:1"), w.options(authn.Anonymous)...); err != nil {
		t.Errorf("to ask whether a tag has moved is free, but: %v", err)
	}
	if err := w.pull("nginx:1", lab); err != nil {
		t.Errorf("who has a password is not limited, but: %v", err)
	}
	w.later(time.Hour)
	if err := w.pull("nginx:1", authn.Anonymous); err != nil {
		t.Errorf("in the next hour: %v", err)
	}
}

func TestLimitSaysWhatIsLeft(t *testing.T) {
	var l limit
	l.set(Limit{1, time.Hour})
	now := time.Unix(1_700_000_000, 0)
	for i, want := range []struct {
		counts, ok                bool
		limit, remaining, retryIn string
	}{
		{true, true, "1;w=3600", "0;w=3600", ""},
		{false, true, "1;w=3600", "0;w=3600", ""},
		{true, false, "1;w=3600", "0;w=3600", "1801"},
	} {
		h := http.Header{}
		if ok := l.pass(h, "10.0.0.1", want.counts, now.Add(time.Duration(i)*15*time.Minute)); ok != want.ok {
			t.Errorf("%d: passes: %t", i, ok)
		}
		got := []string{h.Get("ratelimit-limit"), h.Get("ratelimit-remaining"), h.Get("retry-after"), h.Get("docker-ratelimit-source")}
		if diff := cmp.Diff([]string{want.limit, want.remaining, want.retryIn, "10.0.0.1"}, got); diff != "" {
			t.Errorf("%d: -want +got\n%s", i, diff)
		}
	}
	if !l.pass(http.Header{}, "10.0.0.2", true, now) {
		t.Error("another address pays for the first")
	}
}

func TestParseLimit(t *testing.T) {
	for name, tc := range map[string]struct {
		why, in string
		want    Limit
		fails   bool
	}{
		"Hub's":    {why: "as there", in: "100/6h", want: Limit{100, 6 * time.Hour}},
		"Off":      {why: "as at the start", in: "off"},
		"NoWindow": {why: "a number of what?", in: "100", fails: true},
		"Nothing":  {why: "to take the hub away is another command", in: "0/6h", fails: true},
		"Instant":  {why: "headers count in seconds", in: "1/1ms", fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ParseLimit(tc.in)
			if (err != nil) != tc.fails || got != tc.want {
				t.Errorf("%s: got %v, %v", tc.why, got, err)
			}
		})
	}
}

// TestPace shows that a blob arrives whole, bit by bit, and that its sender
// does not go on without anybody to read it.
func TestPace(t *testing.T) {
	w := start(t)
	if err := w.push("nginx:1", lab); err != nil {
		t.Fatal(err)
	}
	w.hub.pace.Store(20_000)
	if err := w.pull("nginx:1", authn.Anonymous); err != nil {
		t.Errorf("at a pace: %v", err)
	}
	for in, want := range map[string]int64{"2Mi": 2 << 20, "off": 0, "100k": 100_000, "": -1, "-1": -1, "fast": -1} {
		if got, err := ParsePace(in); got != max(want, 0) || (err != nil) != (want < 0) {
			t.Errorf("%q is %d, %v", in, got, err)
		}
	}
	rec := httptest.NewRecorder()
	gone, leave := context.WithCancel(t.Context())
	leave()
	if n, err := (paced{rec, gone, 100}).Write(make([]byte, 1000)); err == nil || n > 5 {
		t.Errorf("to nobody it sends %d bytes: %v", n, err)
	}
}

// TestInside shows what whoever runs the lab may do, and sees.
func TestInside(t *testing.T) {
	w := start(t)
	path := filepath.Join(t.TempDir(), "hub.sock")
	l, err := socket.Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: w.hub.Inside(), ReadHeaderTimeout: time.Second}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })

	img, err := random.Image(1000, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(w.tag("nginx:1"), img, remote.WithTransport(Transport(path)), remote.WithContext(t.Context())); err != nil {
		t.Fatalf("pushing: %v", err)
	}
	if err := w.pull("nginx:1", authn.Anonymous); err != nil {
		t.Error(err)
	}
	_ = w.pull("nginx:1", &authn.Basic{Username: "stranger", Password: "of another registry"})
	if err := SetLimit(t.Context(), path, "3/1h"); err != nil {
		t.Fatal(err)
	}
	if err := SetLimit(t.Context(), path, "3"); err == nil || !strings.Contains(err.Error(), "COUNT/WINDOW") {
		t.Errorf("half a limit: %v", err)
	}
	got, err := Ask(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	want := State{
		Requests: map[string]int{"GET ping": 2, "GET token": 2, "GET manifests": 1, "GET blobs": 1, "GET blob data": 1},
		Logins:   map[string]int{"stranger": 1}, Limit: Limit{3, time.Hour},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}
