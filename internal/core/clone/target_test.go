// SPDX-License-Identifier: Apache-2.0

package clone

import (
	"strings"
	"testing"

	"rhumb.run/rhumb/internal/core/image"
)

const digest = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

func ref(t *testing.T, s string) image.Ref {
	t.Helper()
	r, err := image.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func target(t *testing.T, s string, naming Naming) Target {
	t.Helper()
	out, err := ParseTarget(s)
	if err != nil {
		t.Fatal(err)
	}
	out.Naming = naming
	return out
}

func TestNames(t *testing.T) {
	cases := map[string]struct {
		why, target string
		naming      Naming
		image, want string
	}{
		"Seed":         {"the example that everybody has", "localhost:5000", Flat, "nginx:1.21.4-alpine", "localhost:5000/nginx:1.21.4-alpine"},
		"SeedLatest":   {"a tag is always written", "localhost:5000", Flat, "nginx", "localhost:5000/nginx:latest"},
		"SeedLibrary":  {"as it is written", "localhost:5000", Flat, "library/nginx:1.21", "localhost:5000/library/nginx:1.21"},
		"SeedUser":     {"users of the Hub", "localhost:5000", Flat, "bitnami/redis:7", "localhost:5000/bitnami/redis:7"},
		"SeedHub":      {"the Hub by its name", "localhost:5000", Flat, "docker.io/nginx:1.21", "localhost:5000/nginx:1.21"},
		"SeedHubPath":  {"the path after the host stays", "localhost:5000", Flat, "docker.io/library/nginx:1.21", "localhost:5000/library/nginx:1.21"},
		"SeedQuay":     {"another host becomes the first part", "localhost:5000", Flat, "quay.io/x/nginx:1.21", "localhost:5000/quay.io/x/nginx:1.21"},
		"SeedPort":     {"no colon in a path", "localhost:5000", Flat, "myreg:5001/a/b", "localhost:5000/myreg_5001/a/b:latest"},
		"SeedLocal":    {"localhost is a host", "localhost:5000", Flat, "localhost/foo:1", "localhost:5000/localhost/foo:1"},
		"SeedLookLike": {"and a user of the Hub of that name does not meet it", "localhost:5000", Flat, "docker.io/localhost/foo:1", "localhost:5000/docker.io/localhost/foo:1"},
		"SeedLooksToo": {"nor one that looks like a host", "localhost:5000", Flat, "docker.io/quay.io/foo:1", "localhost:5000/docker.io/quay.io/foo:1"},
		"SeedDigest":   {"a digest stays", "localhost:5000", Flat, "quay.io/a/b:1@" + digest, "localhost:5000/quay.io/a/b:1@" + digest},
		"SeedOnly":     {"and gets no tag", "localhost:5000", Flat, "nginx@" + digest, "localhost:5000/nginx@" + digest},
		"SeedOne":      {"one letter is a name", "localhost:5000", Flat, "a:1", "localhost:5000/a:1"},
		"SeedPath":     {"a target may have a path", "reg.example.com/team", Flat, "nginx", "reg.example.com/team/nginx:latest"},
		"IPv6":         {"brackets are no path", "localhost:5000", Flat, "[::1]:5000/a", "localhost:5000/ip_" + short("[::1]:5000") + "/a:latest"},
		"HostPath":     {"nothing is left out", "reg.example.com/mirror", HostPath, "nginx", "reg.example.com/mirror/docker.io/library/nginx:latest"},
		"Hashed":       {"short, whatever the path", "reg.example.com", Hashed, "ghcr.io/a/b/c:1", "reg.example.com/c-" + short("ghcr.io/a/b/c") + ":1"},
		"Long":         {"a path that is too long gets the hash", "reg.example.com", HostPath, "ghcr.io/" + strings.Repeat("a/", 124) + "bcdef", "reg.example.com/bcdef-" + short("ghcr.io/"+strings.Repeat("a/", 124)+"bcdef") + ":latest"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			to := target(t, tc.target, tc.naming)
			got, err := to.Of(ref(t, tc.image))
			if err != nil || got.Written != tc.want {
				t.Errorf("%s: %s is %s, %v, want %s", tc.why, tc.image, got.Written, err, tc.want)
			}
			if !to.Holds(got) || to.Holds(ref(t, tc.image)) {
				t.Errorf("%s: the target does not know what it holds", tc.image)
			}
		})
	}
}

func TestTemplate(t *testing.T) {
	to := target(t, "reg.example.com", Template)
	to.Template = "mirror/{host}/{path}"
	if got, err := to.Of(ref(t, "quay.io:444/a/b:1")); err != nil || got.Written != "reg.example.com/mirror/quay.io_444/a/b:1" {
		t.Errorf("got %s, %v", got.Written, err)
	}
	to.Template = "UPPER"
	if got, err := to.Of(ref(t, "a")); err == nil {
		t.Errorf("%s is no repository, and was taken", got.Written)
	}
}

func TestPushed(t *testing.T) {
	to := target(t, "registry.corp/mirror", HostPath)
	to.Push = "registry.internal:5000"
	copied, err := to.Of(ref(t, "nginx:1@"+digest))
	if err != nil {
		t.Fatal(err)
	}
	const want = "registry.internal:5000/mirror/docker.io/library/nginx:1@" + digest
	if got := to.Pushed(copied); got.Written != want || got.Host != "registry.internal:5000" || got.Repository != copied.Repository {
		t.Errorf("pushed to %+v, want %s", got, want)
	}
}

func TestParseTarget(t *testing.T) {
	for name, tc := range map[string]struct{ why, in, want string }{
		"Host":     {"a registry", "localhost:5000", "localhost:5000"},
		"Path":     {"and a folder of it", "reg.example.com/a/b", "reg.example.com/a/b"},
		"Slash":    {"a slash at the end is nothing", "reg.example.com/a/", "reg.example.com/a"},
		"Plain":    {"a host that could be a user of the Hub", "registry", ""},
		"Tag":      {"a tag is an image's", "reg.example.com/a:1", ""},
		"Digest":   {"so is a digest", "reg.example.com/a@" + digest, ""},
		"Scheme":   {"a registry is no URL", "https://reg.example.com", ""},
		"Hub":      {"the Hub has no name in an image", "docker.io/me", ""},
		"Empty":    {"nothing", "", ""},
		"Password": {"and no password", "user:pw@reg.example.com", ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ParseTarget(tc.in)
			if (err == nil) != (tc.want != "") || (err == nil && got.String() != tc.want) {
				t.Errorf("%s: %q is %q, %v, want %q", tc.why, tc.in, got, err, tc.want)
			}
		})
	}
}

func TestHolds(t *testing.T) {
	for name, tc := range map[string]struct {
		why, target, image string
		want               bool
	}{
		"Same":   {"a copy", "localhost:5000", "localhost:5000/x", true},
		"Prefix": {"another port that begins alike", "localhost:5000", "localhost:50001/x", false},
		"Path":   {"a folder that begins alike", "reg.example.com/team", "reg.example.com/team-b/x", false},
		"Below":  {"deep below", "reg.example.com/team", "reg.example.com/team/a/b/c", true},
		"Case":   {"hosts have no case", "Reg.example.com", "reg.Example.com/x", true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := target(t, tc.target, Flat).Holds(ref(t, tc.image)); got != tc.want {
				t.Errorf("%s: %v", tc.why, got)
			}
		})
	}
}

func FuzzNamesMeetNobody(f *testing.F) {
	f.Add("docker.io/a.b/c", "a.b/c")
	f.Add("docker.io/localhost/x", "localhost/x")
	f.Add("a:5/b", "a_5/b")
	f.Fuzz(func(t *testing.T, a, b string) {
		x, errX := image.Parse(a)
		y, errY := image.Parse(b)
		if errX != nil || errY != nil || (x.Host == y.Host && strings.TrimPrefix(x.Repository, "library/") == strings.TrimPrefix(y.Repository, "library/")) {
			return
		}
		for _, naming := range []Naming{Flat, HostPath, Hashed} {
			to := Target{Host: "reg.example.com", Naming: naming}
			p, errP := to.Of(x)
			q, errQ := to.Of(y)
			if errP == nil && errQ == nil && p.Repository == q.Repository {
				t.Errorf("%s: %s and %s are both %s", naming, a, b, p.Repository)
			}
		}
	})
}
