// SPDX-License-Identifier: Apache-2.0

package image

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	digestA = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	digestB = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

func TestParse(t *testing.T) {
	cases := map[string]struct {
		why string
		in  string
		rev string // of digestB
		ref Ref
	}{
		"LocalRegistry": {
			"the name stays what the kubelet knows, its port included", "localhost:5000/apps/demo", "localhost:5000/apps/demo:latest@" + digestB,
			Ref{Name: "localhost:5000/apps/demo", Host: "localhost:5000", Repository: "apps/demo", Tag: "latest"},
		},
		"HubShort": {
			"Docker Hub's own images have a hidden folder", "nginx", "nginx:latest@" + digestB,
			Ref{Name: "nginx", Host: "docker.io", Repository: "library/nginx", Tag: "latest"},
		},
		"HubUser": {
			"and users' do not", "bitnami/redis:7", "bitnami/redis:7@" + digestB,
			Ref{Name: "bitnami/redis", Host: "docker.io", Repository: "bitnami/redis", Tag: "7"},
		},
		"HubSpelt": {
			"one registry, many names", "index.docker.io/nginx:1", "index.docker.io/nginx:1@" + digestB,
			Ref{Name: "index.docker.io/nginx", Host: "docker.io", Repository: "library/nginx", Tag: "1"},
		},
		"Localhost": {
			"localhost is a host, as for the kubelet", "localhost/foo:1", "localhost/foo:1@" + digestB,
			Ref{Name: "localhost/foo", Host: "localhost", Repository: "foo", Tag: "1"},
		},
		"OneLetter": {
			"a repository may have one letter", "quay.io/a:1", "quay.io/a:1@" + digestB,
			Ref{Name: "quay.io/a", Host: "quay.io", Repository: "a", Tag: "1"},
		},
		"Pinned": {
			"a digest needs no tag, and gets none", "ghcr.io/a/b@" + digestA, "ghcr.io/a/b@" + digestB,
			Ref{Name: "ghcr.io/a/b", Host: "ghcr.io", Repository: "a/b", Digest: digestA},
		},
		"PinnedTag": {
			"a tag beside a digest is for people, and stays", "ghcr.io/a/b:v1@" + digestA, "ghcr.io/a/b:v1@" + digestB,
			Ref{Name: "ghcr.io/a/b", Host: "ghcr.io", Repository: "a/b", Tag: "v1", Digest: digestA},
		},
		"IPv6": {
			"colons in brackets are not a port", "[::1]:5000/a", "[::1]:5000/a:latest@" + digestB,
			Ref{Name: "[::1]:5000/a", Host: "[::1]:5000", Repository: "a", Tag: "latest"},
		},
		"UpperHost": {
			"hosts have no case", "Reg.Example.com/a", "Reg.Example.com/a:latest@" + digestB,
			Ref{Name: "Reg.Example.com/a", Host: "reg.example.com", Repository: "a", Tag: "latest"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := Parse(tc.in)
			if err != nil {
				t.Fatalf("%s: %v", tc.why, err)
			}
			tc.ref.Written = tc.in
			if diff := cmp.Diff(tc.ref, got); diff != "" {
				t.Errorf("%s:\n%s", tc.why, diff)
			}
			if rev := got.Revision(digestB); rev != tc.rev {
				t.Errorf("%s: revision %s, want %s", tc.why, rev, tc.rev)
			}
			if !got.Names(got.Revision(digestA)) || got.Names("other"+tc.rev) {
				t.Errorf("%s does not know its own revision", tc.in)
			}
			if DigestOf(tc.rev) != digestB {
				t.Errorf("digest of %s is %q", tc.rev, DigestOf(tc.rev))
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	cases := map[string]struct{ why, in string }{
		"Empty":       {"nothing is no image", ""},
		"UpperName":   {"the registry would refuse it", "quay.io/Team/app"},
		"BadTag":      {"a tag has no space", "nginx:a b"},
		"NoTag":       {"a colon promises one", "nginx:"},
		"ShortDigest": {"a digest is whole", "nginx@sha256:abc"},
		"Sha512":      {"one kind of digest is enough to compare", "nginx@sha512:" + strings.Repeat("a", 128)},
		"DotDot":      {"a name is no path", "quay.io/../etc"},
		"Scheme":      {"an image is no URL", "https://quay.io/a"},
		"Query":       {"and has no query", "quay.io/a?x=y"},
		"UserInfo":    {"nor a password", "user:pw@quay.io/a"},
		"Space":       {"nor a header", "quay.io/a\r\nX: y"},
		"HostOnly":    {"a registry is no image", "[::1]:5000"},
		"Long":        {"length is bounded", "quay.io/" + strings.Repeat("a", 2000)},
		"LongPath":    {"so is the repository", "quay.io/" + strings.Repeat("a", 256)},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got, err := Parse(tc.in); err == nil {
				t.Errorf("%s: %q was taken for %+v", tc.why, tc.in, got)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"nginx", "localhost:5000/a/b:c@" + digestA, "[::1]:1/a", "a.b/c__d-e.f"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := Parse(s)
		if err != nil {
			return
		}
		again, err := Parse(r.Revision(digestA))
		if err != nil {
			t.Fatalf("revision of %q: %v", s, err)
		}
		if again.Host != r.Host || again.Repository != r.Repository || again.Name != r.Name || again.Tag != r.Tag {
			t.Fatalf("%q became %+v and then %+v", s, r, again)
		}
	})
}

func TestPushedMatches(t *testing.T) {
	same := func(a, b string) bool { return a == b }
	cases := map[string]struct {
		why  string
		push Pushed
		ref  string
		want bool
	}{
		"Same":      {"what was pushed is looked at", Pushed{"localhost:5000", "apps/demo", "latest"}, "localhost:5000/apps/demo", true},
		"OtherTag":  {"another tag did not move ours", Pushed{"localhost:5000", "apps/demo", "v2"}, "localhost:5000/apps/demo", false},
		"NoTag":     {"a push by digest may have moved any", Pushed{"localhost:5000", "apps/demo", ""}, "localhost:5000/apps/demo", true},
		"NoHost":    {"a sender may not know its own name", Pushed{"", "apps/demo", "latest"}, "localhost:5000/apps/demo", true},
		"OtherHost": {"one that does is believed", Pushed{"quay.io", "apps/demo", "latest"}, "localhost:5000/apps/demo", false},
		"Pinned":    {"no push moves a digest", Pushed{"", "a", ""}, "quay.io/a@" + digestA, false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			ref, err := Parse(tc.ref)
			if err != nil {
				t.Fatal(err)
			}
			if got := tc.push.Matches(ref, same); got != tc.want {
				t.Errorf("%s: got %v", tc.why, got)
			}
		})
	}
}
