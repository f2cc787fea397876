// SPDX-License-Identifier: Apache-2.0

package artifact

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"

	"rhumb.run/rhumb/internal/core/image"
	"rhumb.run/rhumb/internal/core/push"
)

// Notifications as their senders write them, without what nobody reads.
const (
	githubPush = `{"ref":"refs/heads/main","before":"6113728f27ae82c7b1a177c8d03f9e96e0adf246","after":"0000000000000000000000000000000000000000",
	"created":false,"deleted":true,"forced":false,"base_ref":null,"commits":[],"head_commit":null,"pusher":{"name":"team","email":"team@example.com"},
	"repository":{"id":186853002,"name":"app","full_name":"team/app","private":false,"html_url":"https://github.com/team/app","url":"https://github.com/team/app",
	"git_url":"git://github.com/team/app.git","ssh_url":"git@github.com:team/app.git","clone_url":"https://github.com/team/app.git","svn_url":"https://github.com/team/app",
	"homepage":null,"default_branch":"main"}}`
	githubCreate = `{"ref":"v1.0.0","ref_type":"tag","master_branch":"main","repository":{"html_url":"https://github.com/team/app","clone_url":"https://github.com/team/app.git"}}`
	githubPing   = `{"zen":"Keep it logically awesome.","hook_id":109948940,"hook":{"type":"Repository","events":["push"]},"repository":{"clone_url":"https://github.com/team/app.git"}}`
	giteaPush    = `{"ref":"refs/heads/develop","before":"28e1879d029cb852e4844d9c718537df08844e03","after":"bffeb74224043ba2feb48d137756c8a9331c449a",
	"compare_url":"http://git.tools.svc:3000/team/app/compare/28e1879...bffeb74","commits":[],
	"repository":{"id":140,"owner":{"id":1,"login":"team"},"name":"app","full_name":"team/app","html_url":"http://git.tools.svc:3000/team/app",
	"ssh_url":"ssh://git@git.tools.svc:2222/team/app.git","clone_url":"http://git.tools.svc:3000/team/app.git","default_branch":"main"}}`
	gitlabPush = `{"object_kind":"push","event_name":"push","before":"95790bf891e76fee5e1747ab589903a6a1f80f22","after":"da1560886d4f094c3e6c9ef40349f7d38b5d27d7",
	"ref":"refs/heads/main","ref_protected":true,"checkout_sha":"da1560886d4f094c3e6c9ef40349f7d38b5d27d7","project_id":15,
	"project":{"id":15,"name":"app","web_url":"http://gitlab.example.com/team/app","avatar_url":null,"git_ssh_url":"git@gitlab.example.com:team/app.git",
	"git_http_url":"http://gitlab.example.com/team/app.git","namespace":"team","path_with_namespace":"team/app","default_branch":"main",
	"homepage":"http://gitlab.example.com/team/app","url":"git@gitlab.example.com:team/app.git","ssh_url":"git@gitlab.example.com:team/app.git","http_url":"http://gitlab.example.com/team/app.git"},
	"repository":{"name":"app","url":"git@gitlab.example.com:team/app.git","description":"","homepage":"http://gitlab.example.com/team/app","git_http_url":"http://gitlab.example.com/team/app.git","git_ssh_url":"git@gitlab.example.com:team/app.git"},"total_commits_count":4}`
	gitlabTag    = `{"object_kind":"tag_push","event_name":"tag_push","ref":"refs/tags/v1.0.0","project":{"git_http_url":"http://gitlab.example.com/team/app.git"}}`
	gitlabSystem = `{"event_name":"repository_update","project_id":1,"project":{"git_http_url":"http://gitlab.example.com/team/app.git"},
	"changes":[{"before":"8205ea8d81ce0c6b90fbe8280d118cc9fdad6130","after":"4045ea7a3df38697b3730a20fb73c8bed8a3e69e","ref":"refs/heads/main"}],"refs":["refs/heads/main"]}`
	bitbucketPush = `{"push":{"changes":[{"new":{"name":"main","type":"branch","target":{"type":"commit"}},"old":{"name":"main","type":"branch"},"created":false,"closed":false,"forced":false},
	{"new":null,"old":{"name":"v0.9","type":"tag"},"closed":true}]},
	"repository":{"type":"repository","full_name":"team/app","name":"app","links":{"self":{"href":"https://api.bitbucket.org/2.0/repositories/team/app"},"html":{"href":"https://bitbucket.org/team/app"}}},"actor":{"type":"user"}}`
	bitbucketServer = `{"eventKey":"repo:refs_changed","date":"2023-01-13T22:26:25+1100","repository":{"slug":"app","name":"app","project":{"key":"TEAM"},
	"links":{"clone":[{"href":"ssh://git@bitbucket.example.com:7999/team/app.git","name":"ssh"},{"href":"https://bitbucket.example.com/scm/team/app.git","name":"http"}],"self":[{"href":"https://bitbucket.example.com/projects/TEAM/repos/app/browse"}]}},
	"changes":[{"ref":{"id":"refs/heads/main","displayId":"main","type":"BRANCH"},"refId":"refs/heads/main","fromHash":"ecddabb624f6f5ba43816f5926e580a5f680a932","toHash":"178864a7d521b6f5e720b386b2c2b0ef8563e0dc","type":"UPDATE"}]}`
)

func TestGitHook(t *testing.T) {
	cases := map[string]struct {
		why, body    string
		places, refs []string
	}{
		"GitHub":       {"a push, here of nothing: the branch is deleted", githubPush, []string{"github.com/team/app"}, []string{"refs/heads/main"}},
		"GitHubCreate": {"a tag that is new, by its short name", githubCreate, []string{"github.com/team/app"}, []string{"refs/tags/v1.0.0"}},
		"GitHubPing":   {"whether we are there is no push", githubPing, nil, nil},
		"Gitea":        {"as GitHub, with ports of its own", giteaPush, []string{"git.tools.svc:3000/team/app", "git.tools.svc:2222/team/app"}, []string{"refs/heads/develop"}},
		"NotAPush":     {"an edit calls something else changes", `{"object_kind": "merge_request", "changes": {"title": {"previous": "a", "current": "b"}}}`, nil, nil},
		"GitLab":       {"a push of commits", gitlabPush, []string{"gitlab.example.com/team/app"}, []string{"refs/heads/main"}},
		"GitLabTag":    {"of a tag", gitlabTag, []string{"gitlab.example.com/team/app"}, []string{"refs/tags/v1.0.0"}},
		"GitLabSystem": {"the hook of a whole server", gitlabSystem, []string{"gitlab.example.com/team/app"}, []string{"refs/heads/main"}},
		"Bitbucket":    {"what moved, and what is gone", bitbucketPush, []string{"bitbucket.org/team/app"}, []string{"refs/heads/main", "refs/tags/v0.9"}},
		"BitbucketOwn": {"the one that people run themselves", bitbucketServer, []string{"bitbucket.example.com:7999/team/app", "bitbucket.example.com/scm/team/app"}, []string{"refs/heads/main"}},
		"Form":         {"GitHub's default is a form", "payload=" + url.QueryEscape(githubPush), []string{"github.com/team/app"}, []string{"refs/heads/main"}},
		"Other":        {"JSON of something else is nothing", `{"hello":"world"}`, nil, nil},
		"Nowhere":      {"a push to nowhere is nothing", `{"ref":"refs/heads/main"}`, nil, nil},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var got push.Pushed
			r := httptest.NewRequest(http.MethodPost, "/hooks/git", strings.NewReader(tc.body))
			r.Header.Set("Content-Type", "application/json")
			if strings.HasPrefix(tc.body, "payload=") {
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			}
			w := serve(t, Options{Pushed: func(_ context.Context, p push.Pushed) { got = p }}, r)
			if w.Code != http.StatusAccepted || w.Body.Len() > 0 {
				t.Errorf("answered %d %s", w.Code, w.Body)
			}
			if diff := cmp.Diff(tc.places, got.Places()); diff != "" {
				t.Errorf("%s:\n%s", tc.why, diff)
			}
			if diff := cmp.Diff(tc.refs, got.Refs); diff != "" {
				t.Errorf("%s:\n%s", tc.why, diff)
			}
		})
	}
}

func signedWith(token, body string) string {
	mac := hmac.New(sha256.New, []byte(token))
	mac.Write([]byte(body))
	return hex.EncodeToString(mac.Sum(nil))
}

func TestGitHookRefuses(t *testing.T) {
	const token = "s3cret"
	good := signedWith(token, githubPush)
	cases := map[string]struct {
		why, token, header, value, body string
		code                            int
	}{
		"Nobody":        {"whoever shows nothing is nobody", token, "X-Github-Event", "push", githubPush, 401},
		"Bearer":        {"the token itself", token, "Authorization", "Bearer s3cret", githubPush, 202},
		"WrongBearer":   {"another one", token, "Authorization", "Bearer s3crets", githubPush, 401},
		"GitHub":        {"what GitHub signed", token, "X-Hub-Signature-256", "sha256=" + good, githubPush, 202},
		"Bitbucket":     {"Bitbucket calls it otherwise", token, "X-Hub-Signature", "sha256=" + good, githubPush, 202},
		"SHA1":          {"a signature of old proves nothing", token, "X-Hub-Signature", "sha1=" + good, githubPush, 401},
		"Gitea":         {"Gitea signs the same way", token, "X-Gitea-Signature", good, githubPush, 202},
		"WrongToken":    {"signed with another token", token, "X-Hub-Signature-256", "sha256=" + signedWith("other", githubPush), githubPush, 401},
		"OtherBody":     {"a signature of something else", token, "X-Hub-Signature-256", "sha256=" + good, githubCreate, 401},
		"NoHex":         {"no signature at all", token, "X-Hub-Signature-256", "sha256=zz", githubPush, 401},
		"Empty":         {"nor an empty one", token, "X-Hub-Signature-256", "sha256=", githubPush, 401},
		"GitLab":        {"GitLab shows the token", token, "X-Gitlab-Token", token, gitlabPush, 202},
		"WrongGitLab":   {"but the right one", token, "X-Gitlab-Token", "S3cret", gitlabPush, 401},
		"NoTokenWanted": {"where none is asked for, a signature is not looked at", "", "X-Hub-Signature-256", "sha256=00", githubPush, 202},
		"NotJSON":       {"a page is no notification", "", "", "", "<html>", 400},
		"NoForm":        {"nor is a form that nobody can read", "", "Content-Type", "application/x-www-form-urlencoded", "payload=%zz", 400},
		"OtherShape":    {"nor JSON whose fields are of another kind", "", "", "", `{"ref":{"a":1}}`, 400},
		"TooLarge":      {"size is bounded", "", "", "", `{"x":"` + strings.Repeat("x", 2<<20) + `"}`, 413},
		"Deep":          {"so is depth", "", "", "", strings.Repeat(`{"x":`, 100_000), 400},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			heard := false
			r := httptest.NewRequest(http.MethodPost, "/hooks/git", strings.NewReader(tc.body))
			if tc.header != "" {
				r.Header.Set(tc.header, tc.value)
			}
			w := serve(t, Options{HookToken: image.Secret(tc.token), Pushed: func(context.Context, push.Pushed) { heard = true }}, r)
			if w.Code != tc.code || heard != (tc.code == 202) {
				t.Errorf("%s: %d %s, heard %v", tc.why, w.Code, w.Body, heard)
			}
			if strings.Contains(w.Body.String(), token) {
				t.Error("the answer tells the token")
			}
		})
	}
}

// stuck is a body that does not arrive until it is let go.
type stuck struct{ begun, let chan struct{} }

func (b stuck) Read([]byte) (int, error) {
	b.begun <- struct{}{}
	<-b.let
	return 0, io.EOF
}

// Bodies that are not yet known to be anybody's are few at a time.
func TestFewBodiesAtOnce(t *testing.T) {
	s := New(Options{Log: logr.Discard(), HookToken: "s3cret"})
	post := func(body io.Reader) int {
		r := httptest.NewRequest(http.MethodPost, "/hooks/git", body)
		r.Header.Set("X-Hub-Signature-256", "sha256=00")
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		return w.Code
	}
	slow := stuck{make(chan struct{}), make(chan struct{})}
	var all sync.WaitGroup
	for range hooksAtOnce {
		all.Go(func() { post(slow) })
	}
	for range hooksAtOnce {
		<-slow.begun
	}
	if code := post(strings.NewReader("{}")); code != http.StatusTooManyRequests {
		t.Errorf("one more was answered %d", code)
	}
	close(slow.let)
	all.Wait()
	if code := post(strings.NewReader("{}")); code != http.StatusUnauthorized {
		t.Errorf("afterwards one was answered %d", code)
	}
}

// Whoever forges signatures has a limit of their own: registries, and git servers that show the token, are heard meanwhile.
func TestForgersDoNotSilenceOthers(t *testing.T) {
	s := New(Options{Log: logr.Discard(), HookToken: "s3cret"})
	post := func(path, header, value string) int {
		r := httptest.NewRequest(http.MethodPost, path, strings.NewReader("{}"))
		r.Header.Set(header, value)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		return w.Code
	}
	codes := map[int]int{}
	for range 2 * hooksBurst {
		codes[post("/hooks/git", "X-Hub-Signature-256", "sha256=00")]++
	}
	if codes[http.StatusTooManyRequests] == 0 || codes[http.StatusAccepted] > 0 {
		t.Errorf("a flood was answered %v", codes)
	}
	for _, path := range []string{"/hooks/git", "/hooks/registry"} {
		if code := post(path, "Authorization", "Bearer s3cret"); code != http.StatusAccepted {
			t.Errorf("%s: %d for who is known", path, code)
		}
	}
}
