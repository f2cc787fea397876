// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"

	"rhumb.run/rhumb/internal/core/image"
	"rhumb.run/rhumb/internal/registry"
)

// corrupt: a blob that is not what it says is never stored, and the tag never written.
func (c *copying) corrupt() {
	Push(c.T, c.source.URL, "apps/demo:1", Image(c.T, Files{"a": "1"}))
	c.source.Fault(lies("/blobs/"))
	_, err := c.copy(c.job("apps/demo:1"))
	if f := c.failure(err); f.Reason != image.ReasonDigestMismatch || !f.Source {
		c.Errorf("%v, of the source: %v", err, f.Source)
	}
	if got := c.there(); got != "" {
		c.Errorf("the target has %s", got)
	}
	c.source.Fault(nil)
	c.must(c.job("apps/demo:1"))
}

// cutShort: a blob that ends before its end, whether or not its length was promised.
func (c *copying) cutShort() {
	Push(c.T, c.source.URL, "apps/demo:1", Image(c.T, Files{"a": strings.Repeat("long", 10_000)}))
	for promised, want := range map[string]string{"100000": "unexpected EOF", "5": "ended after 5 of"} {
		c.source.Fault(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if strings.Contains(r.URL.Path, "/blobs/") {
				w.Header().Set("Content-Length", promised)
				_, _ = w.Write([]byte("short"))
				return
			}
			next.ServeHTTP(w, r)
		})
		_, err := c.copy(c.job("apps/demo:1"))
		if f := c.failure(err); !f.Source || !strings.Contains(err.Error(), want) || c.there() != "" {
			c.Errorf("%s bytes promised: %v, of the source: %v", promised, err, f.Source)
		}
	}
}

// uploadElsewhere: a registry may send uploads to another host, which is shown no login.
func (c *copying) uploadElsewhere() {
	Push(c.T, c.source.URL, "apps/demo:1", Image(c.T, Files{"a": "1"}))
	c.store.Fault(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if shown := r.Header.Get("Authorization"); shown != "" {
			c.Errorf("the store of blobs was shown %q", shown)
		}
		next.ServeHTTP(w, r)
	})
	c.target.Fault(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if _, _, shown := r.BasicAuth(); !shown {
			w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(&sentOn{w, c.store.URL}, r)
	})
	j := c.job("apps/demo:1")
	j.TargetLogins = image.Logins{{Host: Target, From: "the target's", Username: "writer", Password: "w"}}
	c.must(j)
	if Count(c.store.Asked(), http.MethodPut) != 2 { // a layer and the config
		c.Error("the uploads did not go to the store")
	}
}

// sentOn has uploads go on at another address.
type sentOn struct {
	http.ResponseWriter
	to string
}

func (s *sentOn) WriteHeader(code int) {
	if at, err := url.Parse(s.Header().Get("Location")); err == nil && code == http.StatusAccepted {
		s.Header().Set("Location", s.to+at.RequestURI())
	}
	s.ResponseWriter.WriteHeader(code)
}

// targetBreaks: after some blobs the target is out of order; later only the others are sent.
func (c *copying) targetBreaks() {
	Push(c.T, c.source.URL, "apps/demo:1", Image(c.T, Files{"a": "1"}, Files{"b": "2"}, Files{"c": "3"}, Files{"d": "4"}))
	c.copier.Blobs = 1
	var puts atomic.Int32
	c.target.Fault(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.Method == http.MethodPut && puts.Add(1) > 3 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		next.ServeHTTP(w, r)
	})
	_, err := c.copy(c.job("apps/demo:1"))
	if f := c.failure(err); f.Source || f.Reason != image.ReasonUnreachable || !strings.Contains(err.Error(), "503") {
		c.Errorf("%v, of the source: %v", err, f.Source)
	}
	c.target.Fault(nil)
	if got := c.there(); got != "" {
		c.Errorf("the tag is there: %s", got)
	}
	c.must(c.job("apps/demo:1"))
	uploads := 0
	for _, a := range c.target.Asked() {
		if strings.HasPrefix(a, "PUT ") && strings.Contains(a, "/blobs/") {
			uploads++
		}
	}
	if uploads != 2 { // of five: four layers and a config
		c.Errorf("%d blobs were sent anew, want 2", uploads)
	}
}

// targetForgets: a registry that lost a blob in between says so when it is given the manifest; that heals by itself.
func (c *copying) targetForgets() {
	Push(c.T, c.source.URL, "apps/demo:1", Image(c.T, Files{"a": "1"}))
	var once atomic.Bool
	c.target.Fault(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/manifests/") && once.CompareAndSwap(false, true) {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(`{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN","message":"blob unknown to registry"}]}`))
			return
		}
		next.ServeHTTP(w, r)
	})
	c.must(c.job("apps/demo:1"))
}

func (c *copying) refused() {
	Push(c.T, c.source.URL, "apps/demo:1", Image(c.T, Files{"a": "1"}))
	c.target.Fault(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.WriteHeader(http.StatusForbidden)
			_, _ = w.Write([]byte(`{"errors":[{"code":"DENIED","message":"read only"}]}`))
			return
		}
		next.ServeHTTP(w, r)
	})
	_, err := c.copy(c.job("apps/demo:1"))
	if f := c.failure(err); f.Reason != image.ReasonUnauthorized || f.Source || !strings.Contains(err.Error(), "read only") {
		c.Errorf("%v, of the source: %v", err, f.Source)
	}
}

func (c *copying) notThere() {
	Push(c.T, c.source.URL, "apps/demo:1", Image(c.T, Files{"a": "1"}))
	_, err := c.copy(c.job("apps/demo:2"))
	if f := c.failure(err); f.Reason != image.ReasonSourceNotFound || !f.Source {
		c.Errorf("%v, of the source: %v", err, f.Source)
	}
}

// deep: an index of indexes of … is not followed for ever.
func (c *copying) deep() {
	idx := two(c.T)
	for range 6 {
		idx = Nest(idx)
	}
	Push(c.T, c.source.URL, "apps/demo:1", idx)
	_, err := c.copy(c.job("apps/demo:1"))
	if f := c.failure(err); !f.Source || !strings.Contains(err.Error(), "deep") {
		c.Errorf("%v, of the source: %v", err, f.Source)
	}
}

// keepsLogins: each registry asks for a login, and is shown its own alone.
func (c *copying) keepsLogins() {
	Push(c.T, c.source.URL, "apps/demo:1", two(c.T))
	j := c.job("apps/demo:1")
	j.SourceLogins = image.Logins{{Host: Host, From: "the source's", Username: "reader", Password: "r"}}
	j.TargetLogins = image.Logins{{Host: Target, From: "the target's", Username: "writer", Password: "w"}}
	for front, user := range map[*Front]string{c.source: "reader", c.target: "writer"} {
		front.Fault(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			got, _, shown := r.BasicAuth()
			switch {
			case !shown:
				w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
				w.WriteHeader(http.StatusUnauthorized)
			case got != user:
				c.Errorf("%s was shown the login of %s", user, got)
				w.WriteHeader(http.StatusForbidden)
			default:
				next.ServeHTTP(w, r)
			}
		})
	}
	if done := c.must(j); done.Already {
		c.Errorf("%+v", done)
	}
}

// mountRefused: a login that may not read where a blob could be taken from sends it.
func (c *copying) mountRefused() {
	Push(c.T, c.source.URL, "apps/one:1", Image(c.T, Files{"base": strings.Repeat("b", 1000)}, Files{"app": "1"}))
	Push(c.T, c.source.URL, "apps/demo:1", Image(c.T, Files{"base": strings.Repeat("b", 1000)}, Files{"app": "2"}))
	c.must(c.job("apps/one:1"))
	c.target.Fault(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		switch {
		case r.URL.Query().Get("mount") != "":
			w.WriteHeader(http.StatusForbidden)
		case r.Method == http.MethodHead && strings.Contains(r.URL.Path, "/blobs/"): // some have all blobs in one heap
			w.WriteHeader(http.StatusNotFound)
		default:
			next.ServeHTTP(w, r)
		}
	})
	if done := c.must(c.job("apps/demo:1")); done.Sent != done.Total {
		c.Errorf("%+v", done)
	}
}

// mirrored: what is written, and asked of it, is the registry's own, whatever mirrors there are to pull from.
func (c *copying) mirrored() {
	want := Push(c.T, c.source.URL, "apps/demo:1", Image(c.T, Files{"a": "1"}))
	Push(c.T, c.store.URL, "mirror/apps/demo:1", Image(c.T, Files{"a": "1"}))
	hosts := registry.NewHosts()
	hosts.SetFile([]registry.Host{
		{Host: Host, Endpoint: c.source.URL},
		{Host: Target, Endpoint: c.target.URL, Mirrors: []registry.Mirror{{URL: c.store.URL + "/mirror"}}},
	})
	c.copier = &registry.Copier{Client: registry.NewClient(registry.Options{Hosts: hosts})}
	c.store.Asked()
	done := c.must(c.job("apps/demo:1"))
	if asked := c.store.Asked(); len(asked) > 0 || done.Already || done.Digest != want {
		c.Errorf("the mirror was asked %q; %+v", asked, done)
	}
}
