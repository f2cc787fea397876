// SPDX-License-Identifier: Apache-2.0

package artifact

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"

	"rhumb.run/rhumb/internal/core/image"
)

// shelf is a source with one object, team/demo, that hands out what it is told.
type shelf struct {
	made int
	err  error // when asked
	bad  error // when made
}

func (s *shelf) Tree(_ context.Context, namespace, name, _ string) (func(context.Context, io.Writer) error, error) {
	if s.err != nil {
		return nil, s.err
	}
	if namespace != "team" || name != "demo" {
		return nil, nil
	}
	return func(ctx context.Context, w io.Writer) error {
		s.made++
		if s.bad != nil {
			return s.bad
		}
		return says("tree")(ctx, w)
	}, nil
}

func serve(t *testing.T, o Options, r *http.Request) *httptest.ResponseRecorder {
	t.Helper()
	if o.Cache == nil {
		o.Cache = open(t, t.TempDir(), 1000)
	}
	o.Log = logr.Discard()
	w := httptest.NewRecorder()
	New(o).ServeHTTP(w, r)
	return w
}

func TestTarballFails(t *testing.T) {
	fail := func(reason string) error {
		return &image.Failure{Reason: reason, Detail: "what happened", Fix: "the fix"}
	}
	cases := map[string]struct {
		why  string
		s    shelf
		code int
		body string
	}{
		"Gone":        {"the registry dropped it", shelf{err: fail(image.ReasonNotFound)}, 404, "NotFound: what happened; the fix"},
		"Refused":     {"the registry wants other credentials", shelf{err: fail(image.ReasonUnauthorized)}, 403, "Unauthorized"},
		"Forged":      {"never half a tarball, nor a forged one", shelf{bad: fail(image.ReasonDigestMismatch)}, 502, "DigestMismatch"},
		"NoTree":      {"an image of no files", shelf{bad: fail(image.ReasonNoTree)}, 422, "NoFileTree"},
		"Down":        {"asking later may help", shelf{bad: fail(image.ReasonUnreachable)}, 504, "Unreachable"},
		"Throttled":   {"and when is said", shelf{bad: &image.Failure{Reason: image.ReasonThrottled, After: 7 * time.Second}}, 503, "Throttled"},
		"OwnFault":    {"what is wrong with us is for the log", shelf{bad: errors.New("disk is full at /var/x")}, 500, "the artifact could not be made here"},
		"ServerOfAPI": {"so is what is wrong with the cluster", shelf{err: errors.New("token abc refused")}, 500, "the artifact could not be made here"},
		"AllIsWell":   {"and without a failure there is none", shelf{}, 200, "tree"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			w := serve(t, Options{Source: &tc.s}, httptest.NewRequest(http.MethodGet, "/"+Path("team", "demo", "sha256:"+id("a")), nil))
			if w.Code != tc.code || !strings.HasPrefix(w.Body.String(), tc.body) {
				t.Errorf("%s: %d %s", tc.why, w.Code, w.Body)
			}
			if tc.code == 503 && w.Header().Get("Retry-After") != "7" {
				t.Error("no word of when")
			}
			if tc.code != 200 && w.Header().Get("ETag") != "" {
				t.Error("a failure has the tag of the content")
			}
		})
	}
}

func TestTarball(t *testing.T) {
	s := &shelf{}
	o := Options{Source: s, Cache: open(t, t.TempDir(), 1000)}
	path := "/" + Path("team", "demo", "sha256:"+id("a"))
	if w := serve(t, o, httptest.NewRequest(http.MethodHead, path, nil)); w.Code != 200 || s.made != 0 {
		t.Errorf("who only looks made us pull: %d, made %d", w.Code, s.made)
	}
	w := serve(t, o, httptest.NewRequest(http.MethodGet, path, nil))
	want := http.Header{"Content-Type": {"application/gzip"}, "Etag": {`"sha256:` + id("a") + `"`}, "Content-Length": {"4"}, "Accept-Ranges": {"bytes"}}
	if diff := cmp.Diff(want, w.Header()); diff != "" || w.Body.String() != "tree" {
		t.Errorf("%q\n%s", w.Body, diff)
	}
	again := httptest.NewRequest(http.MethodGet, path, nil)
	again.Header.Set("If-None-Match", w.Header().Get("ETag"))
	if w := serve(t, o, again); w.Code != http.StatusNotModified || s.made != 1 {
		t.Errorf("who has it gets %d, made %d", w.Code, s.made)
	}
	part := httptest.NewRequest(http.MethodGet, path, nil)
	part.Header.Set("Range", "bytes=1-2")
	if w := serve(t, o, part); w.Code != http.StatusPartialContent || w.Body.String() != "re" {
		t.Errorf("a broken download goes on with %d %q", w.Code, w.Body)
	}
	for _, bad := range []string{"/", "/imagerepository/team/demo/x.tar.gz", "/imagerepository/Team/demo/" + id("a") + ".tar.gz", "/imagerepository/team/other/" + id("a") + ".tar.gz", "/metrics"} {
		if w := serve(t, o, httptest.NewRequest(http.MethodGet, bad, nil)); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", bad, w.Code)
		}
	}
	if w := serve(t, o, httptest.NewRequest(http.MethodPut, path, nil)); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("PUT: %d", w.Code)
	}
}

func TestHook(t *testing.T) {
	demo := image.Pushed{Host: "localhost:5000", Repository: "apps/demo", Tag: "latest"}
	cases := map[string]struct {
		why  string
		body string
		want []image.Pushed
	}{
		"Distribution": {
			"the registry that most people run; blobs and pulls are none of ours",
			`{"events":[{"action":"push","target":{"mediaType":"application/octet-stream","repository":"apps/demo"},"request":{"host":"localhost:5000"}},
			{"action":"pull","target":{"mediaType":"application/vnd.oci.image.manifest.v1+json","repository":"apps/demo","tag":"latest"}},
			{"action":"push","target":{"mediaType":"application/vnd.oci.image.manifest.v1+json","repository":"apps/demo","tag":"latest","digest":"sha256:forged"},"request":{"host":"localhost:5000"}}]}`,
			[]image.Pushed{demo},
		},
		"Untagged": {
			"an index of tagged children, or a push by digest", `{"events":[{"action":"push","target":{"repository":"apps/demo"},"request":{"host":"localhost:5000"}}]}`,
			[]image.Pushed{{Host: "localhost:5000", Repository: "apps/demo"}},
		},
		"Harbor": {
			"names the image as one pulls it", `{"type":"PUSH_ARTIFACT","event_data":{"resources":[{"digest":"sha256:x","tag":"latest","resource_url":"localhost:5000/apps/demo:latest"}],"repository":{"repo_full_name":"apps/demo"}}}`,
			[]image.Pushed{demo},
		},
		"HarborPull": {"and says what happened to it", `{"type":"PULL_ARTIFACT","event_data":{"resources":[{"resource_url":"localhost:5000/apps/demo:latest"}]}}`, nil},
		"Hub":        {"Docker Hub leaves out its own name", `{"push_data":{"tag":"7"},"repository":{"repo_name":"bitnami/redis"}}`, []image.Pushed{{Host: "docker.io", Repository: "bitnami/redis", Tag: "7"}}},
		"Quay":       {"Quay says all tags at once", `{"repository":"ns/app","docker_url":"quay.io/ns/app","updated_tags":["a","b"]}`, []image.Pushed{{Host: "quay.io", Repository: "ns/app", Tag: "a"}, {Host: "quay.io", Repository: "ns/app", Tag: "b"}}},
		"Other":      {"JSON of something else is nothing", `{"hello":"world"}`, nil},
		"BadName":    {"a name that no image has", `{"push_data":{"tag":"x"},"repository":{"repo_name":"../../Etc"}}`, nil},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var got []image.Pushed
			w := serve(t, Options{Notify: func(_ context.Context, p []image.Pushed) { got = p }}, httptest.NewRequest(http.MethodPost, "/hooks/registry", strings.NewReader(tc.body)))
			if w.Code != http.StatusAccepted || w.Body.Len() > 0 {
				t.Errorf("answered %d %s", w.Code, w.Body)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s:\n%s", tc.why, diff)
			}
		})
	}
}

func TestHookRefuses(t *testing.T) {
	ok := `{"push_data":{"tag":"7"},"repository":{"repo_name":"bitnami/redis"}}`
	cases := map[string]struct {
		why, token, auth, body string
		code                   int
	}{
		"NoToken":    {"whoever has no token is nobody", "s3cret", "", ok, 401},
		"WrongToken": {"nor who has another", "s3cret", "Bearer s3cre", ok, 401},
		"Token":      {"who has it is heard", "s3cret", "Bearer s3cret", ok, 202},
		"BareToken":  {"Harbor sends it bare", "s3cret", "s3cret", ok, 202},
		"NotJSON":    {"a page is no notification", "", "", "<html>", 400},
		"Array":      {"nor is a list", "", "", "[]", 400},
		"TooLarge":   {"size is bounded", "", "", `{"x":"` + strings.Repeat("x", 2<<20) + `"}`, 413},
		"Deep":       {"so is depth", "", "", strings.Repeat(`{"x":`, 100_000), 400},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			heard := false
			r := httptest.NewRequest(http.MethodPost, "/hooks/registry", strings.NewReader(tc.body))
			r.Header.Set("Authorization", tc.auth)
			w := serve(t, Options{HookToken: image.Secret(tc.token), Notify: func(context.Context, []image.Pushed) { heard = true }}, r)
			if w.Code != tc.code || heard != (tc.code == 202) {
				t.Errorf("%s: %d, heard %v", tc.why, w.Code, heard)
			}
			if strings.Contains(w.Body.String(), "s3cret") {
				t.Error("the answer tells the token")
			}
		})
	}
}

func TestHookIsBounded(t *testing.T) {
	s := New(Options{Log: logr.Discard()})
	codes := map[int]int{}
	for range 2 * hooksBurst {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/hooks/registry", strings.NewReader("{}")))
		codes[w.Code]++
	}
	if codes[http.StatusTooManyRequests] == 0 || codes[http.StatusAccepted] < hooksBurst {
		t.Errorf("a flood was answered %v", codes)
	}
}

func TestServeEnds(t *testing.T) {
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	s := New(Options{Source: &shelf{}, Cache: open(t, t.TempDir(), 100), Log: logr.Discard()})
	go func() { done <- s.Serve(ctx, l) }()
	resp, err := http.Get("http://" + l.Addr().String() + "/" + Path("team", "demo", "sha256:"+id("a")))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil || string(body) != "tree" {
		t.Errorf("%q %v", body, err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if (&Server{}).NeedLeaderElection() {
		t.Error("a Service sends requests to every replica: each has to serve")
	}
}

func FuzzReadHook(f *testing.F) {
	f.Add([]byte(`{"events":[{"action":"push","target":{"repository":"a"}}]}`))
	f.Add([]byte(`{"repository":{"repo_name":"a"},"docker_url":"b","updated_tags":["c"]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		pushed, err := readHook(body)
		if err == nil && len(pushed) > maxPushes {
			t.Fatalf("%d pushes", len(pushed))
		}
	})
}
