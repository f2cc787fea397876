// SPDX-License-Identifier: Apache-2.0

package image

import (
	"archive/tar"
	"context"
	"errors"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// program is a file that passes for one, made at a time of its own.
func program(t *testing.T, content string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "app")
	if err := os.WriteFile(file, []byte(content), 0o700); err != nil {
		t.Fatal(err)
	}
	return file
}

func digest(t *testing.T, s Spec) string {
	t.Helper()
	img, err := Build(s)
	if err != nil {
		t.Fatal(err)
	}
	d, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return d.String()
}

func TestEqualInputEqualDigest(t *testing.T) {
	base := func() Spec { return Spec{Binary: program(t, "one"), User: "65532", Env: []string{"A=b"}} }
	first := base()
	want := digest(t, first)
	again := base()
	if err := os.Chtimes(again.Binary, time.Unix(0, 0), time.Unix(0, 0)); err != nil {
		t.Fatal(err)
	}
	if got := digest(t, again); got != want {
		t.Errorf("the same program, built again at another time, is %s and %s", want, got)
	}
	for name, change := range map[string]func(*Spec){
		"program":  func(s *Spec) { s.Binary = program(t, "two") },
		"argument": func(s *Spec) { s.Args = []string{"--x"} },
		"user":     func(s *Spec) { s.User = "0" },
		"env":      func(s *Spec) { s.Env = nil },
		"label":    func(s *Spec) { s.Labels = map[string]string{"a": "b"} },
		"link":     func(s *Spec) { s.Links = []string{"app:/again"} },
	} {
		s := base()
		change(&s)
		if digest(t, s) == want {
			t.Errorf("another %s, the same digest", name)
		}
	}
}

// list maps the names in an image's layers to type, mode and content.
func list(t *testing.T, img v1.Image) map[string]string {
	t.Helper()
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, l := range layers {
		r, err := l.Uncompressed()
		if err != nil {
			t.Fatal(err)
		}
		tr := tar.NewReader(r)
		for {
			h, err := tr.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			raw, _ := io.ReadAll(tr)
			out[h.Name] = h.FileInfo().Mode().String() + " " + string(raw) + h.Linkname
		}
	}
	return out
}

func TestFiles(t *testing.T) {
	dir := t.TempDir()
	if err := errors.Join(os.MkdirAll(dir+"/sub", 0o755), os.WriteFile(dir+"/sub/a.txt", []byte("a"), 0o600)); err != nil {
		t.Fatal(err)
	}
	img, err := Build(Spec{Binary: program(t, "bin"), Files: []string{dir + ":/srv", dir + "/sub/a.txt:/one.txt"}, Links: []string{"one.txt:/two.txt"}})
	if err != nil {
		t.Fatal(err)
	}
	got := list(t, img)
	want := map[string]string{
		"app": "-rwxr-xr-x bin", "srv/": "drwxr-xr-x ", "srv/sub/": "drwxr-xr-x ", "srv/sub/a.txt": "-rw-r--r-- a",
		"one.txt": "-rw-r--r-- a", "two.txt": "Lrwxrwxrwx one.txt", "tmp/": "dtrwxrwxrwx ",
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			delete(got, name)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// TestLayerID shows that a label may name the layer that the files are in, as
// those of buildpacks do.
func TestLayerID(t *testing.T) {
	img, err := Build(Spec{Binary: program(t, "bin"), Labels: map[string]string{"layers": `{"id": "` + LayerID + `"}`}})
	if err != nil {
		t.Fatal(err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	ids := config.RootFS.DiffIDs
	if got, want := config.Config.Labels["layers"], `{"id": "`+ids[len(ids)-1].String()+`"}`; got != want {
		t.Errorf("the label says %s, want %s", got, want)
	}
}

func TestRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		why  string
		spec Spec
		want string
	}{
		"Nothing":  {"an image of nothing is a mistake", Spec{}, "needs a binary"},
		"Relative": {"where would it go", Spec{Files: []string{"a:b"}}, "absolute"},
		"Link":     {"where would it go", Spec{Links: []string{"a"}}, "absolute"},
		"Missing":  {"the name of the file is what helps", Spec{Binary: "/no/such/file"}, "/no/such/file"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Build(tc.spec); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%s: got %v", tc.why, err)
			}
		})
	}
}

func TestPushThenBuildOnIt(t *testing.T) {
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	ctx, host := context.Background(), strings.TrimPrefix(server.URL, "http://")
	img, err := Build(Spec{Binary: program(t, "one"), Args: []string{"--old"}})
	if err != nil {
		t.Fatal(err)
	}
	pushed, err := Push(ctx, host+"/apps/one:1", img)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(pushed, host+"/apps/one:1@sha256:") || !Exists(ctx, pushed) {
		t.Errorf("pushed as %q", pushed)
	}
	if Exists(ctx, host+"/apps/two:1") {
		t.Error("an image that nobody pushed exists")
	}
	base, err := Pull(ctx, pushed)
	if err != nil {
		t.Fatal(err)
	}
	img, err = Build(Spec{Base: base, Entrypoint: []string{"/other"}})
	if err != nil {
		t.Fatal(err)
	}
	cf, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"/other"}, cf.Config.Entrypoint); diff != "" || len(cf.Config.Cmd) != 0 {
		t.Errorf("a new entrypoint keeps the old one's arguments %v: %s", cf.Config.Cmd, diff)
	}
	if _, ok := list(t, img)["app"]; !ok {
		t.Error("the base's files are gone")
	}
}

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	img, err := Build(Spec{Binary: program(t, "one")})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := Write(dir, img); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := os.ReadFile(dir + "/index.json")
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(raw), `"digest"`); n != 1 {
		t.Errorf("writing the same image twice left %d of it", n)
	}
}
