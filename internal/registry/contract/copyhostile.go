// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"rhumb.run/rhumb/internal/core/image"
	"rhumb.run/rhumb/internal/registry"
)

// hostile are tests of registries that are not what they should be.
var hostile = map[string]func(*copying){
	"CopyHugeManifest":   (*copying).hugeManifest,
	"CopyManyLayers":     (*copying).manyLayers,
	"CopyCyclic":         (*copying).cyclic,
	"CopyLinkLocal":      (*copying).linkLocal,
	"CopyTooLarge":       (*copying).tooLarge,
	"CopyTagMoves":       (*copying).tagMoves,
	"CopyTokenExpires":   (*copying).tokenExpires,
	"CopyHangs":          (*copying).hangs,
	"CopyStartsEmpty":    (*copying).startsEmpty,
	"CopyLostDigest":     (*copying).lostDigest,
	"CopyAfterRestart":   (*copying).afterRestart,
	"CopyOntoItself":     (*copying).ontoItself,
	"CopyOneIdentity":    (*copying).oneIdentity,
	"CopyResumesCheaply": (*copying).resumes,
	"CopyByTLS":          (*copying).byTLS,
}

// instead answers GETs of manifests with something else, and HEADs with its digest.
func (c *copying) instead(raw []byte) {
	h, _, err := v1.SHA256(strings.NewReader(string(raw)))
	if err != nil {
		c.Fatal(err)
	}
	c.source.Fault(On("", "manifest", func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		w.Header().Set("Docker-Content-Digest", h.String())
		w.Header().Set("Content-Type", "application/vnd.oci.image.index.v1+json")
		if r.Method == http.MethodGet {
			_, _ = w.Write(raw)
		}
	}))
}

// unsupported copies what cannot be copied.
func (c *copying) unsupported(why, says string) {
	c.Helper()
	_, err := c.copy(c.job("apps/demo:1"))
	if f := c.failure(err); !f.Source || !strings.Contains(f.Detail, says) {
		c.Errorf("%s: %v (%s)", why, err, f.Reason)
	}
	if n := c.writes(); n > 0 {
		c.Errorf("%s: the target was written to %d times", why, n)
	}
}

func (c *copying) hugeManifest() {
	c.source.Fault(On("", "manifest", func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		w.Header().Set("Docker-Content-Digest", "sha256:"+strings.Repeat("a", 64))
		if r.Method == http.MethodGet {
			_, _ = io.CopyN(w, endlessZeros{}, 100<<20)
		}
	}))
	c.source.Forget()
	c.unsupported("a manifest of 100 MiB", "larger than")
	if _, out := c.source.Moved(); out > 50<<20 {
		c.Errorf("%d bytes of it were read", out)
	}
}

type endlessZeros struct{}

func (endlessZeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func (c *copying) manyLayers() {
	layers := make([]map[string]any, 10_000)
	for i := range layers {
		layers[i] = map[string]any{"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": fmt.Sprintf("sha256:%064x", i), "size": 1}
	}
	raw, err := json.Marshal(map[string]any{"schemaVersion": 2, "layers": layers})
	if err != nil {
		c.Fatal(err)
	}
	c.instead(raw)
	c.unsupported("10,000 layers", "layers")
}

// cyclic: an index cannot hold its own hash; a registry that says so is found out.
func (c *copying) cyclic() {
	self := "sha256:" + strings.Repeat("a", 64)
	c.source.Fault(On("", "manifest", func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		w.Header().Set("Docker-Content-Digest", self)
		if r.Method == http.MethodGet {
			_, _ = fmt.Fprintf(w, `{"schemaVersion":2,"manifests":[{"digest":%q,"size":1}]}`, self)
		}
	}))
	c.unsupported("an index of itself", "answered sha256:")
}

// linkLocal: neither an upload nor a blob leads to where clouds keep their metadata.
func (c *copying) linkLocal() {
	Push(c.T, c.source.URL, "apps/demo:1", Image(c.T, Files{"a": "1"}))
	away := func(w http.ResponseWriter, code int) {
		w.Header().Set("Location", "http://169.254.169.254/latest/meta-data")
		w.WriteHeader(code)
	}
	for source, front := range map[bool]*Front{true: c.source, false: c.target} {
		method, of, code := http.MethodPost, "upload", http.StatusAccepted
		if source {
			method, of, code = http.MethodGet, "blob", http.StatusTemporaryRedirect
		}
		front.Fault(On(method, of, func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { away(w, code) }))
		_, err := c.copy(c.job("apps/demo:1"))
		if f := c.failure(err); f.Source != source || !strings.Contains(f.Detail, "link-local") {
			c.Errorf("%s %s: %v, of the source: %v", method, of, err, f.Source)
		}
		front.Fault(nil)
	}
}

func (c *copying) tooLarge() {
	Push(c.T, c.source.URL, "apps/demo:1", Image(c.T, Files{"a": Noise(10_000)}))
	j := c.job("apps/demo:1")
	j.MaxSize = 5000
	_, err := c.copy(j)
	if f := c.failure(err); f.Reason != image.ReasonTooLarge || c.writes() > 0 {
		c.Errorf("%v (%s)", err, f.Reason)
	}
	j.MaxSize = 50_000
	c.must(j)
}

// tagMoves: what a tag was when it was asked is what is copied.
func (c *copying) tagMoves() {
	want := Push(c.T, c.source.URL, "apps/demo:1", two(c.T))
	var once atomic.Bool
	c.source.Fault(On(http.MethodGet, "manifest", func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if once.CompareAndSwap(false, true) {
			Push(c.T, c.store.URL, "apps/elsewhere:1", Image(c.T, Files{"a": "2"}))
		}
		if strings.HasSuffix(r.URL.Path, "/1") {
			c.Errorf("%s %s: a tag was asked twice", r.Method, r.URL.Path)
		}
		next.ServeHTTP(w, r)
	}))
	if done := c.must(c.job("apps/demo:1")); done.Digest != want || c.there() != want {
		c.Errorf("%+v", done)
	}
}

// tokenExpires: tokens that end in the middle are got anew, and the copy goes on.
func (c *copying) tokenExpires() {
	Push(c.T, c.source.URL, "apps/demo:1", two(c.T))
	j := c.job("apps/demo:1")
	j.SourceLogins, j.TargetLogins = c.source.Tokens(Host, "reader"), c.target.Tokens(Target, "writer")
	var blobs, uploads atomic.Int32
	c.source.Fault(On(http.MethodGet, "blob", func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if blobs.Add(1) == 2 {
			c.source.Expire()
		}
		next.ServeHTTP(w, r)
	}))
	c.target.Fault(On(http.MethodPost, "upload", func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		next.ServeHTTP(w, r)
		if uploads.Add(1) == 2 {
			c.target.Expire()
		}
	}))
	c.copier.Blobs = 1
	c.must(j)
	if s, t := c.source.Tally()["GET token"], c.target.Tally()["GET token"]; s > 3 || t > 4 {
		c.Errorf("%d tokens of the source, %d of the target", s, t)
	}
}

// hangs: a source that does not answer holds up nobody else.
func (c *copying) hangs() {
	Push(c.T, c.source.URL, "apps/stuck:1", Image(c.T, Files{"a": "stuck"}))
	Push(c.T, c.source.URL, "apps/demo:1", Image(c.T, Files{"a": "1"}))
	free := make(chan struct{})
	c.Cleanup(func() { close(free) })
	c.source.Fault(On(http.MethodGet, "blob", func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if strings.Contains(r.URL.Path, "stuck") {
			select {
			case <-free:
			case <-r.Context().Done():
			}
			return
		}
		next.ServeHTTP(w, r)
	}))
	ctx, end := context.WithCancel(c.Context())
	stuck := make(chan error, 1)
	go func() { _, err := c.copier.Copy(ctx, c.job("apps/stuck:1")); stuck <- err }()
	c.asked(c.source, "GET blob", 1)
	c.must(c.job("apps/demo:1"))
	end()
	if err := <-stuck; !errors.Is(err, context.Canceled) {
		c.Errorf("what hung ended with %v", err)
	}
}

// startsEmpty: a target that broke in the middle, and is empty when it is back, is filled with no help from anybody.
func (c *copying) startsEmpty() {
	want := Push(c.T, c.source.URL, "apps/demo:1", two(c.T))
	other := Push(c.T, c.source.URL, "apps/other:1", two(c.T))
	c.must(c.job("apps/other:1"))
	var puts atomic.Int32
	c.target.Fault(On(http.MethodPut, "", func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if puts.Add(1) > 2 {
			panic(http.ErrAbortHandler) // the connection is gone
		}
		next.ServeHTTP(w, r)
	}))
	_, err := c.copy(c.job("apps/demo:1"))
	if f := c.failure(err); f.Source || f.Reason != image.ReasonUnreachable {
		c.Errorf("%v (%s), of the source: %v", err, f.Reason, f.Source)
	}
	c.target.Fault(nil)
	c.target.Empty(c.T)
	c.must(c.job("apps/demo:1"))
	if done := c.must(c.job("apps/other:1")); c.there() != want || done.Digest != other || done.Already {
		c.Errorf("%+v", done)
	}
}

// lostDigest: a tag that names what is not there any more is found out by who asks for the digest.
func (c *copying) lostDigest() {
	want := Push(c.T, c.source.URL, "apps/demo:1", Image(c.T, Files{"a": "1"}))
	j := c.job("apps/demo:1")
	c.must(j)
	var put atomic.Bool
	c.target.Fault(On("", "manifest", func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.Method == http.MethodPut {
			put.Store(true)
		} else if strings.HasSuffix(r.URL.Path, want) && !put.Load() {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		next.ServeHTTP(w, r)
	}))
	if done := c.must(j); !done.Already {
		c.Errorf("one HEAD, of the tag: %+v", done)
	}
	j.Verify = true
	if done := c.must(j); done.Already || !put.Load() {
		c.Errorf("%+v", done)
	}
}

// afterRestart: who knows nothing reads what the target has before sending a large blob that is there.
func (c *copying) afterRestart() {
	base := Files{"base": Noise(2 << 20)}
	Push(c.T, c.source.URL, "apps/one:1", Image(c.T, base, Files{"app": "1"}))
	Push(c.T, c.source.URL, "apps/two:1", Image(c.T, base, Files{"app": "2"}))
	c.must(c.job("apps/one:1"))
	c.with(registry.Options{})
	c.must(c.job("apps/one:1"))
	if done := c.must(c.job("apps/two:1")); done.Sent > 100_000 {
		c.Errorf("%+v", done)
	}
}

// ontoItself: an image that is where it is to be is left alone.
func (c *copying) ontoItself() {
	Push(c.T, c.target.URL, "apps/demo:1", Image(c.T, Files{"a": "1"}))
	j := c.job("apps/demo:1")
	j.Source = j.Target
	if done := c.must(j); !done.Already || c.writes() > 0 {
		c.Errorf("%+v", done)
	}
}

// oneIdentity: credentials that were named and are refused are not tried over by others that the controller has.
func (c *copying) oneIdentity() {
	Push(c.T, c.source.URL, "apps/demo:1", Image(c.T, Files{"a": "1"}))
	right := c.source.Basic(Host, "controller")
	c.with(registry.Options{Keychain: keychain(right)})
	j := c.job("apps/demo:1")
	j.SourceLogins = image.Logins{loginFor(Host, "rotated")}
	_, err := c.copy(j)
	if f := c.failure(err); f.Reason != image.ReasonUnauthorized || !f.Source {
		c.Errorf("%v (%s)", err, f.Reason)
	}
	j.SourceLogins = nil
	c.must(j)
}

// byTLS: a target with a certificate of its own works with its authority, and says what is wrong without; it may not know of
// the TLS before it, and may not lead out of it.
func (c *copying) byTLS() {
	want := Push(c.T, c.source.URL, "apps/demo:1", Image(c.T, Files{"a": "1"}))
	secure := NewTLSFront(c.T, c.target.next)
	ours := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw}))
	plain := "http" + strings.TrimPrefix(secure.URL, "https")
	for _, tc := range []struct {
		why, ca, sentTo, says string
	}{
		{"nobody vouches for it", "", "", "signed by an unknown authority"},
		{"it sends uploads to another host without TLS", ours, c.store.URL, "from https to http"},
		{"it does not know that there is TLS before it", ours, plain, ""},
	} {
		c.hosts.SetFile([]registry.Host{{Host: Host, Endpoint: c.source.URL}, {Host: Target, Endpoint: secure.URL, CA: tc.ca}, {Host: "store.example.com", Endpoint: c.store.URL}})
		secure.Fault(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if tc.sentTo != "" {
				w = &sentOn{w, tc.sentTo}
			}
			next.ServeHTTP(w, r)
		})
		done, err := c.copy(c.job("apps/demo:1"))
		if tc.says == "" {
			if err != nil || done.Digest != want {
				c.Errorf("%s: %+v, %v", tc.why, done, err)
			}
			continue
		}
		if f := c.failure(err); f.Source || !strings.Contains(f.Detail, tc.says) {
			c.Errorf("%s: %v, of the source: %v", tc.why, err, f.Source)
		}
	}
}

type keychain image.Logins

func (k keychain) Logins(context.Context, string, string) image.Logins { return image.Logins(k) }

// resumes: what failed halfway is done with a third more than its bytes at most, and no manifest is fetched twice.
func (c *copying) resumes() {
	layers := make([]Files, 7)
	for i := range layers {
		layers[i] = Files{fmt.Sprint(i): Noise(50_000 + i)}
	}
	Push(c.T, c.source.URL, "apps/demo:1", Image(c.T, layers...))
	var puts atomic.Int32
	c.target.Fault(On(http.MethodPut, "upload", func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if puts.Add(1) > 3 {
			_, _ = io.Copy(io.Discard, r.Body)
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		next.ServeHTTP(w, r)
	}))
	c.source.Forget()
	c.copier.Blobs = 2
	if _, err := c.copy(c.job("apps/demo:1")); err == nil {
		c.Fatal("copied")
	}
	c.target.Fault(nil)
	done := c.must(c.job("apps/demo:1"))
	var out int64
	for _, q := range c.source.Requests() {
		if q.Kind == "blob" {
			out += q.Out
		}
	}
	if manifests := c.source.Tally()["GET manifest"]; out > done.Total*13/10 || manifests != 1 {
		c.Errorf("%d bytes of %d were fetched, and %d manifests", out, done.Total, manifests)
	}
}
