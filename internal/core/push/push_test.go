// SPDX-License-Identifier: Apache-2.0

package push_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"rhumb.run/rhumb/internal/core/push"
)

func TestPlace(t *testing.T) {
	cases := map[string]struct{ why, address, want string }{
		"HTTPS":       {"as people clone it", "https://git.example.com/team/app.git", "git.example.com/team/app"},
		"Page":        {"as a browser shows it", "https://git.example.com/team/app", "git.example.com/team/app"},
		"Slash":       {"a slash too many", "https://git.example.com/team/app/", "git.example.com/team/app"},
		"SlashGit":    {"both", "https://git.example.com/team/app.git/", "git.example.com/team/app"},
		"User":        {"credentials are nobody's business", "https://me:s3cret@git.example.com/team/app.git", "git.example.com/team/app"},
		"Case":        {"hosts know no case, and most servers' paths neither", "https://Git.Example.com/Team/App", "git.example.com/team/app"},
		"UsualPort":   {"a port that is the scheme's own says nothing", "https://git.example.com:443/team/app", "git.example.com/team/app"},
		"OtherPort":   {"another one may be another server", "http://git.example.com:3000/team/app", "git.example.com:3000/team/app"},
		"OthersPort":  {"443 is no usual port for SSH", "ssh://git@git.example.com:443/team/app", "git.example.com:443/team/app"},
		"SSH":         {"with a scheme", "ssh://git@git.example.com/team/app.git", "git.example.com/team/app"},
		"SSHPort":     {"and its own port", "ssh://git@git.example.com:22/team/app.git", "git.example.com/team/app"},
		"SCP":         {"without one", "git@git.example.com:team/app.git", "git.example.com/team/app"},
		"SCPRoot":     {"with a path from the root", "git@git.example.com:/team/app.git", "git.example.com/team/app"},
		"SCPNobody":   {"without a user", "git.example.com:team/app.git", "git.example.com/team/app"},
		"Git":         {"git's own protocol", "git://git.example.com/team/app.git", "git.example.com/team/app"},
		"Dot":         {"a name that is complete", "http://git.example.com./app.git", "git.example.com/app"},
		"Cluster":     {"services of the cluster have names of several lengths", "http://git.tools.svc.cluster.local/app.git", "git.tools.svc/app"},
		"ClusterPort": {"with a port, too", "http://git.tools.svc.cluster.local:8080/app.git", "git.tools.svc:8080/app"},
		"NoPath":      {"a server is no repository", "https://git.example.com/", ""},
		"File":        {"nor is a file", "/srv/git/app.git", ""},
		"Nothing":     {"nor nothing", "", ""},
		"NoURL":       {"nor what nobody can read", "https://git.example.com/%zz", ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := push.Place(c.address); got != c.want {
				t.Errorf("%s: %q is at %q, want %q", c.why, c.address, got, c.want)
			}
		})
	}
}

func TestMoves(t *testing.T) {
	const app = "https://git.example.com/team/app"
	cases := map[string]struct {
		why, url string
		ref      map[string]any
		artifact string
		pushed   string
		want     bool
	}{
		"Branch":        {"its branch", app, map[string]any{"branch": "main"}, "", "refs/heads/main", true},
		"OtherBranch":   {"a branch that it does not follow", app, map[string]any{"branch": "main"}, "", "refs/heads/mainline", false},
		"TagForBranch":  {"a tag of the branch's name", app, map[string]any{"branch": "main"}, "", "refs/tags/main", false},
		"Other":         {"another repository", app + "2", map[string]any{"branch": "main"}, "", "refs/heads/main", false},
		"NoURL":         {"none at all", "", map[string]any{"branch": "main"}, "", "refs/heads/main", false},
		"SSH":           {"the same by another way", "ssh://git@git.example.com/team/app.git", map[string]any{"branch": "main"}, "", "refs/heads/main", true},
		"Tag":           {"its tag", app, map[string]any{"tag": "v1"}, "", "refs/tags/v1", true},
		"OtherTag":      {"another tag", app, map[string]any{"tag": "v1"}, "", "refs/tags/v2", false},
		"TagFirst":      {"a tag goes before a branch", app, map[string]any{"tag": "v1", "branch": "main"}, "", "refs/heads/main", false},
		"Semver":        {"any tag may be in the range", app, map[string]any{"semver": ">=1.0.0", "branch": "main"}, "", "refs/tags/v1.2.3", true},
		"SemverBranch":  {"no branch is", app, map[string]any{"semver": ">=1.0.0", "branch": "main"}, "", "refs/heads/main", false},
		"Name":          {"a ref by its full name", app, map[string]any{"name": "refs/pull/1/head", "branch": "main"}, "", "refs/pull/1/head", true},
		"NameFirst":     {"which goes before a branch", app, map[string]any{"name": "refs/pull/1/head", "branch": "main"}, "", "refs/heads/main", false},
		"Commit":        {"a commit never moves", app, map[string]any{"commit": "c0ffee", "branch": "main"}, "main@sha1:c0ffee", "refs/heads/main", false},
		"CommitAwaited": {"but may come", app, map[string]any{"commit": "c0ffee", "branch": "main"}, "", "refs/heads/main", true},
		"NoRef":         {"whichever is the default branch", app, nil, "", "refs/heads/trunk", true},
		"NoRefTag":      {"it is no tag", app, nil, "", "refs/tags/v1", false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			source := &unstructured.Unstructured{Object: map[string]any{
				"spec":   map[string]any{"url": c.url},
				"status": map[string]any{"artifact": map[string]any{"revision": c.artifact}},
			}}
			if c.ref != nil {
				source.Object["spec"].(map[string]any)["ref"] = c.ref
			}
			p := push.Pushed{Addresses: []string{"git@git.example.com:team/app.git", app}, Refs: []string{"refs/notes/review", c.pushed}}
			if got := p.Moves(p.Places(), source); got != c.want {
				t.Errorf("%s: %v", c.why, got)
			}
		})
	}
}

func TestPlaces(t *testing.T) {
	p := push.Pushed{Addresses: []string{"https://git.example.com/a.git", "git@git.example.com:a.git", "", "nonsense", "https://git.example.com/b"}}
	if diff := cmp.Diff([]string{"git.example.com/a", "git.example.com/b"}, p.Places()); diff != "" {
		t.Error(diff)
	}
	if push.Branch("main") != "refs/heads/main" || push.Tag("v1") != "refs/tags/v1" || push.Branch("refs/notes/x") != "refs/notes/x" || push.Tag("") != "" {
		t.Error("short names become full ones, and full ones stay")
	}
}
