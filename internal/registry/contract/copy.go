// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"rhumb.run/rhumb/internal/core/image"
	"rhumb.run/rhumb/internal/registry"
)

// Target is how images name the registry that is copied to.
const Target = "mirror.example.com"

// copies are what a registry has to do to be copied from and to.
var copies = map[string]func(*copying){
	"CopyWhole":          (*copying).whole,
	"CopyAgain":          (*copying).again,
	"CopyMoved":          (*copying).moved,
	"CopyOthersTag":      (*copying).othersTag,
	"CopyCorrupt":        (*copying).corrupt,
	"CopyCutShort":       (*copying).cutShort,
	"CopyElsewhere":      (*copying).uploadElsewhere,
	"CopyTargetBreaks":   (*copying).targetBreaks,
	"CopyTargetForgets":  (*copying).targetForgets,
	"CopyShared":         (*copying).shared,
	"CopyRefused":        (*copying).refused,
	"CopyNotThere":       (*copying).notThere,
	"CopyDeepIndex":      (*copying).deep,
	"CopyByDigest":       (*copying).byDigest,
	"CopyOnceForMany":    (*copying).onceForMany,
	"CopyTellsItsBytes":  (*copying).progress,
	"CopyKeepsToItsHost": (*copying).keepsLogins,
}

// copying is a source, a target and who copies between them.
type copying struct {
	*testing.T
	source, target *Front
	store          *Front // the target by another address
	copier         *registry.Copier
}

func newCopying(t *testing.T, start func(*testing.T) http.Handler) *copying {
	c := &copying{T: t, source: NewFront(t, start(t)), target: NewFront(t, start(t))}
	c.store = NewFront(t, c.target.next)
	// The store is trusted as an address, since no other may be on loopback; no login is for it.
	hosts := Reach(map[string]*Front{Host: c.source, Target: c.target, "store.example.com": c.store})
	c.copier = &registry.Copier{Client: registry.NewClient(registry.Options{Hosts: hosts})}
	return c
}

func (c *copying) ref(s string) image.Ref {
	c.Helper()
	r, err := image.Parse(s)
	if err != nil {
		c.Fatal(err)
	}
	return r
}

// job copies an image of the source to the same name at the target.
func (c *copying) job(name string) registry.Job {
	c.Helper()
	return registry.Job{Source: c.ref(Host + "/" + name), Target: c.ref(Target + "/" + name)}
}

// copy copies, and forgets the requests of before.
func (c *copying) copy(j registry.Job) (registry.Copied, error) {
	c.source.Asked()
	c.target.Asked()
	return c.copier.Copy(c.Context(), j)
}

func (c *copying) must(j registry.Job) registry.Copied {
	c.Helper()
	done, err := c.copy(j)
	if err != nil {
		c.Fatal(err)
	}
	return done
}

// failure is what an error says, and whose fault it is.
func (c *copying) failure(err error) *registry.CopyFailure {
	c.Helper()
	f, ok := errors.AsType[*registry.CopyFailure](err)
	if !ok {
		c.Fatalf("no failure of a copy: %v", err)
	}
	return f
}

// at is the digest that a tag has at the target, or nothing.
func (c *copying) at(name string) string {
	c.Helper()
	digest, err := c.copier.Client.Resolve(c.Context(), c.ref(Target+"/"+name), nil)
	if err != nil && Reason(err) != image.ReasonNotFound {
		c.Fatal(err)
	}
	return digest
}

func two(t *testing.T) v1.ImageIndex {
	return Index(map[string]v1.Image{
		"amd64": Image(t, Files{"base": "1"}, Files{"arch": "amd64"}),
		"arm64": Image(t, Files{"base": "1"}, Files{"arch": "arm64"}),
	})
}

func (c *copying) whole() {
	want := Push(c.T, c.source.URL, "apps/demo:1", two(c.T))
	done := c.must(c.job("apps/demo:1"))
	asked := c.source.Asked()
	if done.Digest != want || done.Already || c.at("apps/demo:1") != want {
		c.Errorf("copied %+v, the target has %s; want %s", done, c.at("apps/demo:1"), want)
	}
	// The index, its two images; a base, two layers, two configs: each once.
	manifests, blobs := 0, map[string]int{}
	for _, a := range asked {
		switch {
		case strings.HasPrefix(a, "GET ") && strings.Contains(a, "/manifests/"):
			manifests++
		case strings.HasPrefix(a, "GET "):
			blobs[a]++
		}
	}
	if manifests != 3 || len(blobs) != 5 || Count(asked, "GET") != 8 {
		c.Errorf("the source was asked %q", asked)
	}
	for _, arch := range []string{"amd64", "arm64"} {
		x := NewExporter(c.T, c.copier.Client)
		x.Platform = "linux/" + arch
		var out strings.Builder
		if err := x.Export(c.Context(), c.ref(Target+"/apps/demo").At(want), nil, &out); err != nil {
			c.Errorf("%s cannot be read at the target: %v", arch, err)
		} else if diff := cmp.Diff(map[string]string{"base": "644 1", "arch": "644 " + arch}, Untar(c.T, []byte(out.String()))); diff != "" {
			c.Error(diff)
		}
	}
	puts := c.target.Asked()
	last := ""
	for _, a := range puts {
		if strings.HasPrefix(a, "PUT ") {
			last = a
		}
	}
	if last != "PUT /v2/apps/demo/manifests/1" {
		c.Errorf("the last that was written is %q; want the tag", last)
	}
}

// again: what is there costs one HEAD on either side.
func (c *copying) again() {
	Push(c.T, c.source.URL, "apps/demo:1", two(c.T))
	c.must(c.job("apps/demo:1"))
	if done := c.must(c.job("apps/demo:1")); !done.Already {
		c.Errorf("%+v", done)
	}
	want := []string{"HEAD /v2/apps/demo/manifests/1"}
	if diff := cmp.Diff([][]string{want, want}, [][]string{c.source.Asked(), c.target.Asked()}); diff != "" {
		c.Error(diff)
	}
}

// moved: of another image under the tag only what is new travels.
func (c *copying) moved() {
	Push(c.T, c.source.URL, "apps/demo:1", Image(c.T, Files{"base": "1"}, Files{"app": "1"}))
	c.must(c.job("apps/demo:1"))
	want := Push(c.T, c.source.URL, "apps/demo:1", Image(c.T, Files{"base": "1"}, Files{"app": "2"}))
	done := c.must(c.job("apps/demo:1"))
	if c.at("apps/demo:1") != want || done.Skipped == 0 || done.Sent+done.Skipped != done.Total {
		c.Errorf("%+v", done)
	}
}

func (c *copying) othersTag() {
	Push(c.T, c.source.URL, "apps/demo:1", Image(c.T, Files{"a": "1"}))
	theirs := Push(c.T, c.target.URL, "apps/demo:1", Image(c.T, Files{"a": "theirs"}))
	j := c.job("apps/demo:1")
	asked := ""
	j.Replace = func(digest string) bool { asked = digest; return false }
	_, err := c.copy(j)
	if f := c.failure(err); f.Reason != registry.ReasonDrifted || asked != theirs || c.at("apps/demo:1") != theirs {
		c.Errorf("%v; asked whether to replace %q", err, asked)
	}
	j.Replace = func(string) bool { return true }
	c.must(j)
}

// corrupt: a blob that is not what it says is never stored, and the tag never written.
func (c *copying) corrupt() {
	Push(c.T, c.source.URL, "apps/demo:1", Image(c.T, Files{"a": "1"}))
	c.source.Fault(lies("/blobs/"))
	_, err := c.copy(c.job("apps/demo:1"))
	if f := c.failure(err); f.Reason != image.ReasonDigestMismatch || !f.Source {
		c.Errorf("%v, of the source: %v", err, f.Source)
	}
	if got := c.at("apps/demo:1"); got != "" {
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
		if f := c.failure(err); !f.Source || !strings.Contains(err.Error(), want) || c.at("apps/demo:1") != "" {
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
	if f := c.failure(err); f.Source || !strings.Contains(err.Error(), "503") {
		c.Errorf("%v, of the source: %v", err, f.Source)
	}
	c.target.Fault(nil)
	if got := c.at("apps/demo:1"); got != "" {
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

// shared: a second repository takes what the first has from there.
func (c *copying) shared() {
	Push(c.T, c.source.URL, "apps/one:1", Image(c.T, Files{"base": strings.Repeat("b", 1000)}, Files{"app": "1"}))
	Push(c.T, c.source.URL, "apps/two:1", Image(c.T, Files{"base": strings.Repeat("b", 1000)}, Files{"app": "2"}))
	c.must(c.job("apps/one:1"))
	done := c.must(c.job("apps/two:1"))
	if done.Mounted+done.Skipped == 0 || done.Sent+done.Mounted+done.Skipped != done.Total {
		c.Errorf("%+v: want the base mounted, or skipped where a registry keeps blobs for all its repositories", done)
	}
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
	if f := c.failure(err); f.Reason != image.ReasonNotFound || !f.Source {
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

// byDigest: content that is named by its digest needs no question to the source if it is there.
func (c *copying) byDigest() {
	digest := Push(c.T, c.source.URL, "apps/demo:1", Image(c.T, Files{"a": "1"}))
	j := c.job("apps/demo@" + digest)
	c.must(j)
	if done := c.must(j); !done.Already || len(c.source.Asked()) != 0 {
		c.Errorf("%+v", done)
	}
}

// onceForMany: who asks for a copy that is on its way waits for that.
func (c *copying) onceForMany() {
	Push(c.T, c.source.URL, "apps/demo:1", Image(c.T, Files{"a": "1"}))
	arrived, release := make(chan struct{}, 10), make(chan struct{})
	c.source.Fault(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.Method == http.MethodHead {
			arrived <- struct{}{}
		} else {
			<-release
		}
		next.ServeHTTP(w, r)
	})
	c.source.Asked()
	failed := make(chan error, 5)
	for range 5 {
		go func() {
			_, err := c.copier.Copy(c.Context(), c.job("apps/demo:1"))
			failed <- err
		}()
	}
	for range 5 {
		<-arrived
	}
	close(release)
	for range 5 {
		if err := <-failed; err != nil {
			c.Error(err)
		}
	}
	blobs := map[string]int{}
	for _, a := range c.source.Asked() {
		if strings.Contains(a, "/blobs/") {
			blobs[a]++
		}
	}
	for a, n := range blobs {
		if n != 1 {
			c.Errorf("%s: %d times", a, n)
		}
	}
}

func (c *copying) progress() {
	Push(c.T, c.source.URL, "apps/demo:1", Image(c.T, Files{"a": strings.Repeat("x", 100_000)}, Files{"b": "2"}))
	j := c.job("apps/demo:1")
	var last atomic.Pointer[registry.Progress]
	j.Progress = func(p registry.Progress) { last.Store(&p) }
	done := c.must(j)
	if p := last.Load(); p == nil || p.Total != done.Total || done.Sent != done.Total || done.Total == 0 {
		c.Errorf("told %+v, came to %+v", p, done.Progress)
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
		c.Error(fmt.Sprintf("%+v", done))
	}
}
