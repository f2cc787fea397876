// SPDX-License-Identifier: Apache-2.0

package git

import (
	"bytes"
	"crypto/rand"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// served is a server over real HTTP, used by the real git.
type served struct {
	t    *testing.T
	base string // http://127.0.0.1:port
	user string // the same with a user and a password
	root string
}

func start(t *testing.T, pushed func([]Push)) served {
	t.Helper()
	backend, err := Backend()
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	s := httptest.NewServer(&Server{Root: root, Backend: backend, Password: "open sesame", Pushed: pushed})
	t.Cleanup(s.Close)
	return served{t, s.URL, strings.Replace(s.URL, "http://", "http://lab:open%20sesame@", 1), root}
}

// git runs git in dir, on nobody's settings.
func (s served) git(dir string, args ...string) (string, error) {
	cmd := exec.Command("git", append([]string{"-c", "user.name=x", "-c", "user.email=x@example.com", "-c", "init.defaultBranch=main"}, args...)...)
	cmd.Dir, cmd.Env = dir, environment(s.t.TempDir())
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (s served) must(dir string, args ...string) string {
	s.t.Helper()
	out, err := s.git(dir, args...)
	if err != nil {
		s.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(out)
}

// commit makes a folder with one commit of one file in it.
func (s served) commit(content []byte) (dir, digest string) {
	s.t.Helper()
	dir = s.t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), content, 0o600); err != nil {
		s.t.Fatal(err)
	}
	s.must(dir, "init", "-q")
	s.must(dir, "add", ".")
	s.must(dir, "commit", "-q", "-m", "one")
	return dir, s.must(dir, "rev-parse", "HEAD")
}

func TestPushAndClone(t *testing.T) {
	for name, tc := range map[string]struct {
		why, repository string
		content         []byte
	}{
		"Small":   {"the usual case", "app", []byte("hello")},
		"Grouped": {"a name has up to two parts", "team/app", []byte("hello")},
		"Large":   {"git sends more than a mebibyte in chunks, which CGI does not know", "big", noise(3 << 20)},
	} {
		t.Run(name, func(t *testing.T) {
			var told []Push
			s := start(t, func(p []Push) { told = append(told, p...) })
			dir, digest := s.commit(tc.content)
			s.must(dir, "push", "-q", s.user+"/"+tc.repository+".git", "main")
			if diff := cmp.Diff([]Push{{tc.repository, "refs/heads/main", none, digest}}, told); diff != "" {
				t.Errorf("%s: told (-want +got):\n%s", tc.why, diff)
			}
			clone := filepath.Join(t.TempDir(), "clone")
			s.must(".", "clone", "-q", s.base+"/"+tc.repository+".git", clone)
			got, err := os.ReadFile(filepath.Join(clone, "file"))
			if err != nil || !bytes.Equal(got, tc.content) {
				t.Errorf("%s: the clone has %d bytes (%v), want %d", tc.why, len(got), err, len(tc.content))
			}
		})
	}
}

func TestWhoMayWhat(t *testing.T) {
	s := start(t, nil)
	dir, digest := s.commit([]byte("hello"))
	s.must(dir, "push", "-q", s.user+"/app.git", "main")
	s.must(dir, "push", "-q", s.user+"/private/app.git", "main")
	wrong := strings.Replace(s.base, "http://", "http://lab:guess@", 1)
	for name, tc := range map[string]struct {
		why  string
		args []string
		ok   bool
	}{
		"AnybodyReads":        {"as on a public server", []string{"ls-remote", s.base + "/app.git"}, true},
		"NobodyWrites":        {"a push needs a password", []string{"push", s.base + "/app.git", "main:x"}, false},
		"WrongPassword":       {"and the right one", []string{"push", wrong + "/app.git", "main:x"}, false},
		"NobodyMakes":         {"a repository neither", []string{"push", s.base + "/new.git", "main"}, false},
		"PrivateIsPrivate":    {"journeys need credentials for reading too", []string{"ls-remote", s.base + "/private/app.git"}, false},
		"PrivateIsReadByUser": {"which work", []string{"ls-remote", s.user + "/private/app.git"}, true},
		"NoSuch":              {"reading makes nothing", []string{"ls-remote", s.user + "/none.git"}, false},
		"ByDigest":            {"kpack asks for a commit by its digest", []string{"fetch", s.base + "/app.git", digest}, true},
	} {
		t.Run(name, func(t *testing.T) {
			if out, err := s.git(dir, tc.args...); (err == nil) != tc.ok {
				t.Errorf("%s: git %v: %v\n%s", tc.why, tc.args, err, out)
			}
		})
	}
	if diff := cmp.Diff([]string{"app", "private/app"}, (&Server{Root: s.root}).names()); diff != "" {
		t.Errorf("repositories (-want +got):\n%s", diff)
	}
}

// TestRoute shows that a path leads to a repository under the root or nowhere.
func TestRoute(t *testing.T) {
	for path, want := range map[string]string{
		"/app.git/info/refs": "app", "/app/info/refs": "app", "/team/app.git/git-upload-pack": "team/app",
		"/../app.git/info/refs": "", "/team/../app.git/info/refs": "", "/.ssh/info/refs": "", "/a/b/c.git/info/refs": "",
		"/app.git/HEAD": "", "/app.git/config": "", "//app.git/info/refs": "", "/app.git/info/refs\n": "",
	} {
		got := ""
		if m := route.FindStringSubmatch(path); m != nil {
			got = m[1]
		}
		if got != want {
			t.Errorf("%q leads to %q, want %q", path, got, want)
		}
	}
	for path, want := range map[string]string{
		"/app": "app", "/app.git": "app", "/team/app": "team/app", "/team/app/": "team/app", "/../app": "", "/team/..": "", "/.ssh": "", "/a/b/c": "", "//": "",
	} {
		got := ""
		if m := browsed.FindStringSubmatch(path); m != nil {
			got = m[1]
		}
		if got != want {
			t.Errorf("page %q is of %q, want %q", path, got, want)
		}
	}
}

// TestFirstBranchIsDefault shows that a clone of a repository whose branch is
// not called main has files in it.
func TestFirstBranchIsDefault(t *testing.T) {
	s := start(t, nil)
	dir, _ := s.commit([]byte("hello"))
	s.must(dir, "push", "-q", s.user+"/app.git", "main:master")
	s.must(dir, "push", "-q", s.user+"/app.git", "main:other")
	clone := filepath.Join(t.TempDir(), "clone")
	s.must(".", "clone", "-q", s.base+"/app.git", clone)
	if got := s.must(clone, "branch", "--show-current"); got != "master" {
		t.Errorf("a clone is on %q, want the branch that was pushed first", got)
	}
}

func TestMoves(t *testing.T) {
	got := moves("app",
		map[string]string{"refs/heads/main": "a", "refs/heads/gone": "b", "refs/heads/same": "c"},
		map[string]string{"refs/heads/main": "d", "refs/heads/same": "c", "refs/tags/v1": "d"})
	want := []Push{
		{"app", "refs/heads/gone", "b", none}, {"app", "refs/heads/main", "a", "d"}, {"app", "refs/tags/v1", none, "d"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("moves (-want +got):\n%s", diff)
	}
}

func noise(n int) []byte {
	out := make([]byte, n)
	_, _ = rand.Read(out)
	return out
}
