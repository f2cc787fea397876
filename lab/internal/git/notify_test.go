// SPDX-License-Identifier: Apache-2.0

package git

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// heard is what a hook was told.
type heard struct {
	Ref, After string
	Created    bool
	Repository struct {
		Name     string
		FullName string `json:"full_name"`
		CloneURL string `json:"clone_url"`
		HTMLURL  string `json:"html_url"`
		GitURL   string `json:"git_url"`
	}
	signature string
	body      []byte
}

// hook is told until n of what it was told has been taken; it is unable at first.
func hook(t *testing.T, fails, n int, h Hook) []heard {
	t.Helper()
	got := make(chan heard, n)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if fails--; fails >= 0 {
			http.Error(w, "not yet", http.StatusServiceUnavailable)
			return
		}
		var told heard
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = json.Unmarshal(body, &told)
		}
		if err != nil || r.Header.Get("X-GitHub-Event") != "push" || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("a hook got %v, %v", r.Header, err)
		}
		told.signature, told.body = r.Header.Get("X-Hub-Signature-256"), body
		got <- told
	}))
	t.Cleanup(server.Close)
	h.URL, h.Every = server.URL, time.Millisecond
	NewNotifier(t.Context(), h).Tell([]Push{{"team/app", "refs/heads/main", none, "1234"}})
	var all []heard
	for range n {
		select {
		case one := <-got:
			all = append(all, one)
		case <-time.After(20 * time.Second):
			t.Fatalf("a hook was told %d times, want %d", len(all), n)
		}
	}
	return all
}

// TestPushIsTold shows that a hook that fails at first is told in the end, and
// once for each address that somebody may know the repository by.
func TestPushIsTold(t *testing.T) {
	bases := []string{"http://git.example", "https://github.com", "http://localhost:5001"}
	var clones []string
	for _, told := range hook(t, 2, 3, Hook{Bases: bases}) {
		if told.Ref != "refs/heads/main" || told.After != "1234" || !told.Created || told.Repository.Name != "app" || told.Repository.FullName != "team/app" {
			t.Errorf("told %s", told.body)
		}
		if r := told.Repository; r.CloneURL != r.HTMLURL+".git" || r.GitURL != r.CloneURL {
			t.Errorf("told of addresses %+v", r)
		}
		if told.signature != "" {
			t.Errorf("signed with %s, without a secret", told.signature)
		}
		clones = append(clones, told.Repository.CloneURL)
	}
	if diff := cmp.Diff([]string{"http://git.example/team/app.git", "https://github.com/team/app.git", "http://localhost:5001/team/app.git"}, clones); diff != "" {
		t.Errorf("addresses (-want +got):\n%s", diff)
	}
}

func TestToldWithSignature(t *testing.T) {
	told := hook(t, 0, 1, Hook{Bases: []string{"http://x"}, Secret: []byte("It's a Secret to Everybody")})[0]
	if want := signature([]byte("It's a Secret to Everybody"), told.body); told.signature != want {
		t.Errorf("signed with %s, want %s", told.signature, want)
	}
	// The example of GitHub's documentation.
	if got := signature([]byte("It's a Secret to Everybody"), []byte("Hello, World!")); got != "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17" {
		t.Errorf("GitHub would not sign it with %s", got)
	}
}
