// SPDX-License-Identifier: Apache-2.0

package git

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// page is what a path of the server shows.
func (s served) page(path string, user bool) (int, string) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.base+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	if user {
		req.SetBasicAuth("lab", "open sesame")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp.StatusCode, string(raw)
}

func TestPages(t *testing.T) {
	s := start(t, nil)
	dir, digest := s.commit([]byte("<b>hello</b>"))
	s.must(dir, "push", "-q", s.user+"/team/app.git", "main", "main:refs/tags/v1")
	s.must(dir, "push", "-q", s.user+"/private/app.git", "main")
	bytes, _ := s.commit([]byte("\x00\x01"))
	s.must(bytes, "push", "-q", s.user+"/bytes.git", "main")
	for name, tc := range map[string]struct {
		why, path string
		user      bool
		code      int
		has, not  []string
	}{
		"List": {"what there is, and what is newest in it", "/", false, 200,
			[]string{s.base, "/team/app", "main", digest[:12], "one"}, []string{"private"}},
		"ListOfUser":    {"the user sees all", "/", true, 200, []string{"private/app"}, nil},
		"Repository":    {"branches, commits and files", "/team/app", false, 200, []string{"main", "tags/v1", digest[:12], ">file<", s.base + "/team/app.git"}, nil},
		"AsCloned":      {"people paste what they clone", "/team/app.git", false, 200, []string{">file<"}, nil},
		"File":          {"its text, as text", "/team/app?ref=main&path=file", false, 200, []string{"&lt;b&gt;hello&lt;/b&gt;"}, []string{"<b>hello"}},
		"Bytes":         {"what is no text is not shown", "/bytes?path=file", false, 200, []string{"2 bytes that are no text"}, nil},
		"NoSuchFile":    {"no path leads out of a commit", "/team/app?ref=main&path=../config", false, 404, nil, nil},
		"NoSuchRef":     {"git is asked for nothing that it did not name", "/team/app?ref=--output=/tmp/x", false, 404, nil, nil},
		"NoSuch":        {"a page makes no repository", "/none", false, 404, nil, nil},
		"Private":       {"private is private on pages too", "/private/app", false, 401, nil, []string{"file"}},
		"PrivateOfUser": {"and the user's", "/private/app", true, 200, []string{">file<"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			code, text := s.page(tc.path, tc.user)
			if code != tc.code {
				t.Fatalf("%s: %d, want %d", tc.why, code, tc.code)
			}
			for _, want := range tc.has {
				if !strings.Contains(text, want) {
					t.Errorf("%s: no %q in\n%s", tc.why, want, text)
				}
			}
			for _, bad := range tc.not {
				if strings.Contains(text, bad) {
					t.Errorf("%s: %q in\n%s", tc.why, bad, text)
				}
			}
		})
	}
}

func TestPageOfNothing(t *testing.T) {
	s := start(t, nil)
	if code, text := s.page("/", false); code != 200 || !strings.Contains(text, "first push") {
		t.Errorf("got %d\n%s", code, text)
	}
}
