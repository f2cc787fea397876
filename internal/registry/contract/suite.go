// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"rhumb.run/rhumb/internal/core/image"
	"rhumb.run/rhumb/internal/registry"
	"rhumb.run/rhumb/internal/registry/tree"
)

// Run runs the suite; start makes an empty registry.
func Run(t *testing.T, start func(t *testing.T) http.Handler) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, *Front){
		"TagMoves":     tagMoves,
		"ByHash":       byHash,
		"Pinned":       pinned,
		"Missing":      missing,
		"Export":       export,
		"Platforms":    platforms,
		"LyingBlob":    lyingBlob,
		"LyingContent": lyingManifest,
	} {
		t.Run(name, func(t *testing.T) { test(t, NewFront(t, start(t))) })
	}
	for _, some := range []map[string]func(*copying){copies, verifies, paced, attached, tagged, hostile} {
		for name, test := range some {
			t.Run(name, func(t *testing.T) { test(newCopying(t, start)) })
		}
	}
}

// Ref parses a reference of a test.
func Ref(t *testing.T, repository string) image.Ref {
	t.Helper()
	r, err := image.Parse(Host + "/" + repository)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Reason is the reason of a failure, or what else it is.
func Reason(err error) string {
	if f, ok := errors.AsType[*image.Failure](err); ok {
		return f.Reason
	}
	return fmt.Sprintf("no failure: %v", err)
}

// Untar lists a tar.gz: mode and content by path.
func Untar(t *testing.T, data []byte) map[string]string {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	r := tar.NewReader(z)
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg {
			out[h.Name] = fmt.Sprintf("%o %s", h.Mode, content)
		}
	}
}

// NewExporter makes an exporter for amd64 that keeps nothing.
func NewExporter(t *testing.T, c *registry.Client) *registry.Exporter {
	t.Helper()
	return &registry.Exporter{Client: c, Platform: "linux/amd64", Dir: t.TempDir(), Limits: tree.Limits{Bytes: 1 << 20, Entries: 100}}
}

func tagMoves(t *testing.T, f *Front) {
	c := registry.NewClient(registry.Options{Hosts: f.Hosts()})
	ref := Ref(t, "apps/demo")
	for _, text := range []string{"one", "two"} {
		want := Push(t, f.URL, "apps/demo", Image(t, Files{"index.html": text}))
		f.Asked()
		got, err := c.Resolve(t.Context(), ref, nil)
		if err != nil || got != want {
			t.Fatalf("resolved to %s (%v), pushed %s", got, err, want)
		}
		if diff := cmp.Diff([]string{"HEAD /v2/apps/demo/manifests/latest"}, f.Asked()); diff != "" {
			t.Errorf("a poll is one HEAD, since pulls are counted:\n%s", diff)
		}
	}
}

func byHash(t *testing.T, f *Front) {
	want := Push(t, f.URL, "apps/demo", Image(t, Files{"a": "1"}))
	f.Fault(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		next.ServeHTTP(&without{w, "Docker-Content-Digest"}, r)
	})
	got, err := registry.NewClient(registry.Options{Hosts: f.Hosts()}).Resolve(t.Context(), Ref(t, "apps/demo"), nil)
	if err != nil || got != want {
		t.Errorf("without the header: %s (%v), want %s by our own hash", got, err, want)
	}
}

// without drops a header of a response.
type without struct {
	http.ResponseWriter
	header string
}

func (w *without) WriteHeader(code int) {
	w.Header().Del(w.header)
	w.ResponseWriter.WriteHeader(code)
}

func (w *without) Write(p []byte) (int, error) {
	w.Header().Del(w.header)
	return w.ResponseWriter.Write(p)
}

func pinned(t *testing.T, f *Front) {
	want := Push(t, f.URL, "apps/demo", Image(t, Files{"a": "1"}))
	Push(t, f.URL, "apps/demo", Image(t, Files{"a": "2"}))
	c := registry.NewClient(registry.Options{Hosts: f.Hosts()})
	got, err := c.Resolve(t.Context(), Ref(t, "apps/demo@"+want), nil)
	if err != nil || got != want {
		t.Errorf("pinned %s became %s (%v)", want, got, err)
	}
	gone := "sha256:" + strings.Repeat("0", 64)
	if _, err := c.Resolve(t.Context(), Ref(t, "apps/demo@"+gone), nil); Reason(err) != image.ReasonNotFound {
		t.Errorf("a digest that is not there: %v", err)
	}
}

func missing(t *testing.T, f *Front) {
	Push(t, f.URL, "apps/demo", Image(t, Files{"a": "1"}))
	c := registry.NewClient(registry.Options{Hosts: f.Hosts()})
	for _, s := range []string{"apps/demo:nope", "apps/nope"} {
		_, err := c.Resolve(t.Context(), Ref(t, s), nil)
		if Reason(err) != image.ReasonNotFound || !strings.Contains(err.Error(), f.URL) {
			t.Errorf("%s: %v, want NotFound with the endpoint", s, err)
		}
	}
}

func export(t *testing.T, f *Front) {
	img := Image(t, Files{"bin/app": "v1", "etc/old": "x", "etc/conf": "1"}, Files{"etc/conf": "2", "etc/.wh.old": ""})
	ref := Ref(t, "apps/demo").At(Push(t, f.URL, "apps/demo", img))
	var packed [2]bytes.Buffer
	for i := range packed {
		x := NewExporter(t, registry.NewClient(registry.Options{Hosts: f.Hosts()}))
		if err := x.Export(t.Context(), ref, nil, &packed[i]); err != nil {
			t.Fatal(err)
		}
	}
	want := map[string]string{"bin/app": "755 v1", "etc/conf": "644 2"}
	if diff := cmp.Diff(want, Untar(t, packed[0].Bytes())); diff != "" {
		t.Error(diff)
	}
	if !bytes.Equal(packed[0].Bytes(), packed[1].Bytes()) {
		t.Error("the same digest gave two tarballs")
	}
}

func platforms(t *testing.T, f *Front) {
	amd, arm := Image(t, Files{"arch": "amd64"}), Image(t, Files{"arch": "arm64"})
	both := Push(t, f.URL, "apps/both", Index(map[string]v1.Image{"amd64": amd, "arm64": arm}))
	one := Push(t, f.URL, "apps/one", Index(map[string]v1.Image{"arm64": arm}))
	none := Push(t, f.URL, "apps/none", Index(map[string]v1.Image{"arm64": arm, "riscv64": amd}))
	c := registry.NewClient(registry.Options{Hosts: f.Hosts()})
	if got, err := c.Resolve(t.Context(), Ref(t, "apps/both"), nil); err != nil || got != both {
		t.Errorf("an index is resolved to %s (%v), want its own digest %s", got, err, both)
	}
	for s, want := range map[string]string{"apps/both@" + both: "644 amd64", "apps/one@" + one: "644 arm64"} {
		var b bytes.Buffer
		if err := NewExporter(t, c).Export(t.Context(), Ref(t, s), nil, &b); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
		if diff := cmp.Diff(map[string]string{"arch": want}, Untar(t, b.Bytes())); diff != "" {
			t.Errorf("%s:\n%s", s, diff)
		}
	}
	err := NewExporter(t, c).Export(t.Context(), Ref(t, "apps/none@"+none), nil, io.Discard)
	if Reason(err) != image.ReasonNoTree || !strings.Contains(err.Error(), "linux/amd64") {
		t.Errorf("an index without our platform: %v", err)
	}
}

// lies answers GETs below a path with other bytes of the same length.
func lies(part string) func(http.ResponseWriter, *http.Request, http.Handler) {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.Method != http.MethodGet || !strings.Contains(r.URL.Path, part) {
			next.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(&liar{w}, r)
	}
}

type liar struct{ http.ResponseWriter }

func (l *liar) Write(p []byte) (int, error) {
	q := bytes.Clone(p)
	if len(q) > 0 {
		q[len(q)-1] ^= 1
	}
	return l.ResponseWriter.Write(q)
}

func lyingBlob(t *testing.T, f *Front) {
	ref := Ref(t, "apps/demo").At(Push(t, f.URL, "apps/demo", Image(t, Files{"a": "1"})))
	f.Fault(lies("/blobs/"))
	var b bytes.Buffer
	err := NewExporter(t, registry.NewClient(registry.Options{Hosts: f.Hosts()})).Export(t.Context(), ref, nil, &b)
	if Reason(err) != image.ReasonDigestMismatch || b.Len() > 0 {
		t.Errorf("a forged layer: %v, with %d bytes served", err, b.Len())
	}
}

func lyingManifest(t *testing.T, f *Front) {
	ref := Ref(t, "apps/demo").At(Push(t, f.URL, "apps/demo", Image(t, Files{"a": "1"})))
	f.Fault(lies("/manifests/"))
	c := registry.NewClient(registry.Options{Hosts: f.Hosts()})
	if err := NewExporter(t, c).Export(t.Context(), ref, nil, io.Discard); Reason(err) != image.ReasonDigestMismatch {
		t.Errorf("a forged manifest: %v", err)
	}
	f.Fault(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.Method == http.MethodHead {
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		lies("/manifests/")(w, r, next)
	})
	if _, err := c.Resolve(t.Context(), Ref(t, "apps/demo"), nil); Reason(err) != image.ReasonDigestMismatch {
		t.Errorf("a manifest that is not what its header says: %v", err)
	}
}
