// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/buildpacks/libcnb/v2"
)

// goImage is a build image with this machine's Go in it, and a compiled library
// that is whatever the toolchain adds to it first.
func goImage(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	image := t.TempDir()
	if err := os.MkdirAll(filepath.Join(image, "usr", "local"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(strings.TrimSpace(string(out)), filepath.Join(image, "usr", "local", "go")); err != nil {
		t.Fatal(err)
	}
	return image
}

const program = "package main\n\nimport \"app/word\"\n\nfunc main() { println(word.Word) }\n"

var module = map[string]string{"go.mod": "module app\n\ngo 1.21\n", "main.go": program, "word/word.go": "package word\n\nconst Word = \"one\"\n"}

// TestGo builds a module with the real toolchain: on a fresh machine, on one
// that has the library, and with what a build before it left.
func TestGo(t *testing.T) {
	image := goImage(t)
	first, out := at(t, source(t, module), image)
	if err := buildGo(first); err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(first.layers.Path, "targets", "bin", "app")
	if got := web(t, first); got != bin {
		t.Errorf("web is %s, want %s", got, bin)
	}
	if said, err := exec.Command(bin).CombinedOutput(); err != nil || string(said) != "one\n" {
		t.Errorf("the program says %q, %v", said, err)
	}
	if left := files(t, first.app); len(left) != 0 {
		t.Errorf("sources are launched: %v", left)
	}
	for _, want := range []string{"  Using Go 1.", "    Running 'go build -trimpath ", "      Completed in "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}

	t.Run("SameAgain", func(t *testing.T) {
		again, _ := at(t, source(t, module), goImage(t))
		if err := buildGo(again); err != nil {
			t.Fatal(err)
		}
		// The place of the layers is part of nothing.
		if launched(t, again) != launched(t, first) {
			t.Error("the same source, in another place, with another cache, is another image")
		}
	})
	t.Run("KeepsWhatTheImageLacks", func(t *testing.T) {
		changed := map[string]string{"go.mod": module["go.mod"], "main.go": program, "word/word.go": "package word\n\nconst Word = \"two\"\n"}
		second, _ := at(t, source(t, changed), image)
		if err := buildGo(second); err != nil {
			t.Fatal(err)
		}
		kept := files(t, filepath.Join(second.layers.Path, "gocache"))
		all := files(t, filepath.Join(image, goCache))
		if len(kept) == 0 || len(kept) > 20 || len(all) < 5*len(kept) {
			t.Errorf("%d of %d entries are kept: the library is in the image, the two packages are not", len(kept), len(all))
		}
	})
}

func TestGoFails(t *testing.T) {
	image := goImage(t)
	for name, tc := range map[string]struct {
		why   string
		files map[string]string
		want  string
	}{
		"NoProgram": {"a library can't be started", map[string]string{"go.mod": "module a\n", "a.go": "package a\n"}, "no program in this module"},
		"Broken":    {"the compiler's line is on stderr; the command is the error", map[string]string{"go.mod": "module a\n", "a.go": "package main\n\nfunc main() { nothing() }\n"}, "running 'go build"},
		"Download":  {"there is no network to get it from", map[string]string{"go.mod": "module a\n\nrequire example.com/x v1.0.0\n", "a.go": "package main\n\nimport _ \"example.com/x\"\n\nfunc main() {}\n"}, "running 'go build"},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := at(t, source(t, tc.files), image)
			if err := buildGo(s); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%s: got %v", tc.why, err)
			}
		})
	}
}

func TestGoTargets(t *testing.T) {
	for name, tc := range map[string]struct {
		why   string
		named string
		files []string
		want  []string
	}{
		"Root":    {"what lies on top is what the module is", "", []string{"main.go", "cmd/a/main.go"}, []string{"."}},
		"Command": {"else all that there are", "", []string{"cmd/a/main.go", "cmd/b/main.go"}, []string{"./cmd/a", "./cmd/b"}},
		"Left":    {"what ./... leaves out is nobody's program", "", []string{"a/main.go", "vendor/b/main.go", "testdata/c/main.go", "_d/main.go"}, []string{"./a"}},
		"Named":   {"unless somebody says which", "./cmd/b", []string{"cmd/a/main.go", "cmd/b/main.go"}, []string{"./cmd/b"}},
	} {
		t.Run(name, func(t *testing.T) {
			content := map[string]string{"go.mod": "module a\n"}
			for _, f := range tc.files {
				content[f] = "package main\n\nfunc main() {}\n"
			}
			got, err := goTargets(source(t, content), tc.named)
			if err != nil || !slices.Equal(got, tc.want) {
				t.Errorf("%s: got %v, %v, want %v", tc.why, got, err, tc.want)
			}
		})
	}
}

// TestBuildCache shows that what a build did not use is forgotten, and what the
// image has is never copied.
func TestBuildCache(t *testing.T) {
	image, before, after := t.TempDir(), t.TempDir(), t.TempDir()
	fill(t, image, map[string]string{"00/library-d": "l"})
	fill(t, before, map[string]string{"00/library-d": "l", "11/used-d": "u", "22/unused-d": "u"})
	c := buildCache{dir: image}
	if err := c.restore(before); err != nil {
		t.Fatal(err)
	}
	used := filepath.Join(image, "11", "used-d")
	if err := os.Chtimes(used, c.began.Add(2e9), c.began.Add(2e9)); err != nil { // as Go does
		t.Fatal(err)
	}
	fill(t, image, map[string]string{"33/made-d": "m"})
	if _, err := c.save(after); err != nil {
		t.Fatal(err)
	}
	if got, want := files(t, after), []string{"11/used-d", "33/made-d"}; !slices.Equal(got, want) {
		t.Errorf("kept %v, want %v", got, want)
	}
}

func TestStarts(t *testing.T) {
	s, _ := at(t, t.TempDir(), "/")
	if err := s.starts([]string{"node", "x.js"}, map[string]string{"NODE_ENV": "production"}); err != nil {
		t.Fatal(err)
	}
	l := s.result.Layers[0]
	if l.LaunchEnvironment["PORT.default"] != "8080" || l.LaunchEnvironment["NODE_ENV.default"] != "production" || !l.Launch {
		t.Errorf("launched with %v", l)
	}
	// The lifecycle reads these files beside the layers' own, whose names are their layers'.
	for _, reserved := range []string{"launch", "build", "store"} {
		if slices.ContainsFunc(s.result.Layers, func(l libcnb.Layer) bool { return l.Name == reserved }) {
			t.Errorf("a layer is named %s", reserved)
		}
	}
}
