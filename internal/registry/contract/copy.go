// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"errors"
	"net/http"
	"slices"
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
	"CopyMountRefused":   (*copying).mountRefused,
	"CopyMirrored":       (*copying).mirrored,
	"CopyRefused":        (*copying).refused,
	"CopyNotThere":       (*copying).notThere,
	"CopyDeepIndex":      (*copying).deep,
	"CopyByDigest":       (*copying).byDigest,
	"CopyOnceForMany":    (*copying).onceForMany,
	"CopyTellsItsBytes":  (*copying).progress,
	"CopyKeepsToItsHost": (*copying).keepsLogins,
	"CopyFirstLeaves":    (*copying).firstLeaves,
	"CopyFirstIsRefused": (*copying).firstIsRefused,
	"CopySharedAtOnce":   (*copying).sharedAtOnce,
	"CopySlowStore":      (*copying).slowStore,
	"CopyEnded":          (*copying).ended,
	"CopySlowSource":     (*copying).slowSource,
}

// copying is a source, a target and who copies between them.
type copying struct {
	*testing.T
	source, target *Front
	store          *Front // the target by another address
	hosts          *registry.Hosts
	copier         *registry.Copier
}

func newCopying(t *testing.T, start func(*testing.T) http.Handler) *copying {
	c := &copying{T: t, source: NewFront(t, start(t)), target: NewFront(t, start(t))}
	c.source.start, c.target.start = start, start
	c.store = NewFront(t, c.target.next)
	// The store is trusted as an address, since no other may be on loopback; no login is for it.
	c.hosts = Reach(map[string]*Front{Host: c.source, Target: c.target, "store.example.com": c.store})
	c.with(registry.Options{})
	return c
}

// with makes a copier anew, as after a restart.
func (c *copying) with(o registry.Options) {
	o.Hosts = c.hosts
	c.copier = &registry.Copier{Client: registry.NewClient(o)}
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

// there is the digest that apps/demo:1 has at the target, or nothing.
func (c *copying) there() string {
	c.Helper()
	digest, err := c.copier.Client.Resolve(c.Context(), c.ref(Target+"/apps/demo:1"), nil)
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
	if done.Digest != want || done.Already || c.there() != want {
		c.Errorf("copied %+v, the target has %s; want %s", done, c.there(), want)
	}
	// The index, its two images; a base, two layers, two configs: each once.
	if m, b, all := distinct(asked, "/manifests/"), distinct(asked, "/blobs/"), Count(asked, "GET"); m != 3 || b != 5 || all != 8 {
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
	puts := slices.DeleteFunc(c.target.Asked(), func(a string) bool { return !strings.HasPrefix(a, "PUT ") })
	if last := puts[len(puts)-1]; last != "PUT /v2/apps/demo/manifests/1" {
		c.Errorf("the last that was written is %q; want the tag", last)
	}
}

// distinct counts what was fetched below a path.
func distinct(asked []string, part string) int {
	what := map[string]bool{}
	for _, a := range asked {
		if strings.HasPrefix(a, "GET ") && strings.Contains(a, part) {
			what[a] = true
		}
	}
	return len(what)
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
	if c.there() != want || done.Skipped == 0 || done.Sent+done.Skipped != done.Total {
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
	if f := c.failure(err); f.Reason != image.ReasonDrifted || asked != theirs || c.there() != theirs {
		c.Errorf("%v; asked whether to replace %q", err, asked)
	}
	j.Replace = func(string) bool { return true }
	c.must(j)
}

// shared: a second repository takes what the first has from there, without a byte of it sent, where a registry keeps the
// blobs of its repositories apart.
func (c *copying) shared() {
	base := Files{"base": strings.Repeat("b", 1000)}
	Push(c.T, c.source.URL, "apps/one:1", Image(c.T, base, Files{"app": "1"}))
	Push(c.T, c.source.URL, "apps/two:1", Image(c.T, base, Files{"app": "2"}))
	c.must(c.job("apps/one:1"))
	apart := c.apart(Image(c.T, base))
	done := c.must(c.job("apps/two:1"))
	if (done.Mounted > 0) != apart || (done.Skipped > 0) == apart || done.Sent+done.Mounted+done.Skipped != done.Total {
		c.Errorf("%+v: want the base mounted, or skipped where a registry keeps blobs for all its repositories", done)
	}
}

// apart reports whether the target keeps the blobs of its repositories apart; the layer is in another than apps/two.
func (c *copying) apart(img v1.Image) bool {
	layers, err := img.Layers()
	if err != nil {
		c.Fatal(err)
	}
	digest, err := layers[0].Digest()
	if err != nil {
		c.Fatal(err)
	}
	resp, err := http.Head(c.target.URL + "/v2/apps/two/blobs/" + digest.String())
	if err != nil {
		c.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusNotFound
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

func (c *copying) progress() {
	Push(c.T, c.source.URL, "apps/demo:1", Image(c.T, Files{"a": strings.Repeat("x", 100_000)}, Files{"b": "2"}))
	j := c.job("apps/demo:1")
	var last atomic.Pointer[registry.Progress]
	j.Progress = func(p registry.Progress) { last.Store(&p) }
	done := c.must(j)
	if p := last.Load(); p == nil || p.Total != done.Total || done.Sent != done.Total || done.Total == 0 || p.Blobs != 3 || p.AllBlobs != 3 {
		c.Errorf("told %+v, came to %+v", p, done.Progress)
	}
}
