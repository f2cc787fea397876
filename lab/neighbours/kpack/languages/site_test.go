// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/buildpacks/libcnb/v2"
)

// source writes files, by their names.
func source(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	fill(t, dir, files)
	return dir
}

func fill(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		mode := fs.FileMode(0o644)
		if strings.HasPrefix(content, "#!") {
			mode = 0o755
		}
		if err := os.WriteFile(path, []byte(content), mode); err != nil {
			t.Fatal(err)
		}
	}
}

// at is a site for a source, in a build image with its root at image.
func at(t *testing.T, app, image string) (*site, *bytes.Buffer) {
	t.Helper()
	var out bytes.Buffer
	return &site{app: app, layers: libcnb.Layers{Path: t.TempDir()}, image: image, env: map[string]string{}, out: &out, result: libcnb.NewBuildResult()}, &out
}

// files lists what is below a folder.
func files(t *testing.T, dir string) []string {
	t.Helper()
	var out []string
	if err := each(dir, func(name string, _ fs.FileInfo) error { out = append(out, name); return nil }); err != nil {
		t.Fatal(err)
	}
	return out
}

// launched sums up the layers that an image would get.
func launched(t *testing.T, s *site) string {
	t.Helper()
	sum := sha256.New()
	for _, l := range s.result.Layers {
		if !l.Launch {
			continue
		}
		for _, f := range files(t, l.Path) {
			raw, err := os.ReadFile(filepath.Join(l.Path, f))
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(sum, "%s/%s %x\n", l.Name, f, sha256.Sum256(raw))
		}
		fmt.Fprintln(sum, l.Name, l.LaunchEnvironment)
	}
	return fmt.Sprintf("%x", sum.Sum(nil))
}

func web(t *testing.T, s *site) string {
	t.Helper()
	for _, p := range s.result.Processes {
		if p.Type == "web" && p.Default {
			return joined(append(p.Command, p.Arguments...))
		}
	}
	t.Fatal("there is no process web")
	return ""
}

func TestDetect(t *testing.T) {
	for name, tc := range map[string]struct {
		why   string
		files map[string]string
		want  []string
	}{
		"Go":      {"a module", map[string]string{"go.mod": "module a"}, []string{"go"}},
		"Java":    {"a Maven project", map[string]string{"pom.xml": "<project/>"}, []string{"java"}},
		"Node":    {"a package", map[string]string{"package.json": "{}"}, []string{"nodejs"}},
		"Gems":    {"what Bundler reads", map[string]string{"Gemfile": ""}, []string{"ruby"}},
		"Rack":    {"what rackup reads", map[string]string{"config.ru": ""}, []string{"ruby"}},
		"Script":  {"a script alone", map[string]string{"app.rb": ""}, []string{"ruby"}},
		"Page":    {"another buildpack's", map[string]string{"index.html": ""}, nil},
		"Several": {"the order of the builder decides", map[string]string{"go.mod": "", "package.json": ""}, []string{"go", "nodejs"}},
	} {
		t.Run(name, func(t *testing.T) {
			app := source(t, tc.files)
			var got []string
			for id := range languages {
				r, err := detect(libcnb.DetectContext{ApplicationPath: app, Buildpack: libcnb.Buildpack{Info: libcnb.BuildpackInfo{ID: "paketo-buildpacks/" + id}}})
				if err != nil {
					t.Fatal(err)
				}
				if r.Pass {
					got = append(got, id)
				}
			}
			slices.Sort(got)
			if !slices.Equal(got, tc.want) {
				t.Errorf("%s: detected %v, want %v", tc.why, got, tc.want)
			}
		})
	}
	if _, err := find(libcnb.Buildpack{Info: libcnb.BuildpackInfo{ID: "some/cobol"}}); err == nil {
		t.Error("a buildpack.toml of another language is taken for one of ours")
	}
}

func TestKeep(t *testing.T) {
	s, _ := at(t, source(t, map[string]string{"main.go": "", "a/b.txt": "", "a/c.txt": "", "static/page.html": "", "target/x.jar": ""}), "/")
	s.env["BP_KEEP_FILES"] = "static:a/b*"
	if err := s.keep("target/x.jar"); err != nil {
		t.Fatal(err)
	}
	if got, want := files(t, s.app), []string{"a/b.txt", "static/page.html", "target/x.jar"}; !slices.Equal(got, want) {
		t.Errorf("kept %v, want %v", got, want)
	}
	s.env["BP_KEEP_FILES"] = "["
	if err := s.keep(); err == nil {
		t.Error("a pattern that can't be read is ignored")
	}
}

// TestSourceOfGit shows that what git noted while it checked a source out does
// not get into the image.
func TestSourceOfGit(t *testing.T) {
	app := source(t, map[string]string{"package.json": `{"scripts": {"start": "node x.js"}}`, ".git/index": "now", "x.js": ""})
	_, err := compose(libcnb.BuildContext{
		ApplicationPath: app, Layers: libcnb.Layers{Path: t.TempDir()},
		Buildpack: libcnb.Buildpack{Info: libcnb.BuildpackInfo{ID: "a/none"}},
	})
	if err == nil {
		t.Fatal("an unknown buildpack builds")
	}
	languages["none"] = language{build: func(s *site) error { return s.starts([]string{"x"}, nil) }}
	t.Cleanup(func() { delete(languages, "none") })
	_, err = compose(libcnb.BuildContext{
		ApplicationPath: app, Layers: libcnb.Layers{Path: t.TempDir()},
		Buildpack: libcnb.Buildpack{Info: libcnb.BuildpackInfo{ID: "a/none"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := files(t, app), []string{"package.json", "x.js"}; !slices.Equal(got, want) {
		t.Errorf("the image gets %v, want %v", got, want)
	}
}

func TestIndented(t *testing.T) {
	var out bytes.Buffer
	w := indented{to: &out, prefix: "  "}
	for _, part := range []string{"one\ntw", "o\n", "three"} {
		fmt.Fprint(&w, part)
	}
	if got, want := out.String(), "  one\n  two\n  three"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
