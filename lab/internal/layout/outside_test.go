// SPDX-License-Identifier: Apache-2.0

package layout

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseOutside(t *testing.T) {
	for name, tc := range map[string]struct {
		why, in string
		want    Outside
		fails   bool
	}{
		"Git":       {why: "as documented", in: "github.com=git", want: Outside{"github.com", OutsideGit}},
		"Registry":  {why: "as documented", in: "ghcr.io=registry", want: Outside{"ghcr.io", OutsideRegistry}},
		"Case":      {why: "names of hosts are the same in capitals", in: "GitHub.com=git", want: Outside{"github.com", OutsideGit}},
		"Hub":       {why: "as documented", in: "docker.io=hub", want: Outside{"docker.io", OutsideHub}},
		"OtherHub":  {why: "its tokens and redirects name Docker Hub", in: "ghcr.io=hub", fails: true},
		"NoKind":    {why: "nobody guesses what a name is for", in: "github.com", fails: true},
		"OtherKind": {why: "there are two", in: "github.com=web", fails: true},
		"Port":      {why: "names of the outside world are reached at HTTPS's port", in: "github.com:443=git", fails: true},
		"Short":     {why: "a name without a dot is another machine in each namespace", in: "github=git", fails: true},
		"Address":   {why: "an address is no name", in: "10.0.0.1=git", fails: true},
		"Cluster":   {why: "the cluster answers for its own names", in: "web.default.svc.cluster.local=git", fails: true},
		"Injected":  {why: "a name is written into a configuration file", in: "a.b\n}=git", fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ParseOutside(tc.in)
			if (err != nil) != tc.fails {
				t.Fatalf("%s: error %v", tc.why, err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s: -want +got\n%s", tc.why, diff)
			}
		})
	}
}

func TestOutsideNames(t *testing.T) {
	s := Settings{Outside: []Outside{{"ghcr.io", OutsideRegistry}, {"index.docker.io", OutsideRegistry}, {"docker.io", OutsideRegistry},
		{"github.com", OutsideGit}, {"github.com", OutsideGit}}}
	if got := s.OutsideNames(OutsideHub); len(got) > 0 {
		t.Errorf("a registry by the name of Docker Hub is %v of the hub", got)
	}
	for kind, want := range map[string][]string{
		OutsideGit:      {"github.com"},
		OutsideRegistry: {"docker.io", "ghcr.io", "index.docker.io", "registry-1.docker.io"}, // programs ask others than people write
	} {
		if diff := cmp.Diff(want, s.OutsideNames(kind)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", kind, diff)
		}
	}
}

func TestCheckOutside(t *testing.T) {
	names := []Outside{{"github.com", OutsideGit}}
	for name, tc := range map[string]struct {
		why string
		s   Settings
		ok  bool
	}{
		"Fits":  {"there is a git server and there are pods", Settings{Node: true, GitPort: 1, Outside: names}, true},
		"NoGit": {"nobody would answer", Settings{Node: true, Outside: names}, false},
		"NoNode": {"nobody would ask: the machine's programs ask the machine's DNS",
			Settings{GitPort: 1, Outside: names}, false},
		"Hub": {"with its own names", Settings{Node: true, Outside: []Outside{{"docker.io", OutsideHub}, {"ghcr.io", OutsideRegistry}}}, true},
		"HubTwice": {"one name of Docker Hub is all of them",
			Settings{Node: true, Outside: []Outside{{"docker.io", OutsideHub}, {"index.docker.io", OutsideRegistry}}}, false},
		"Both": {"one name is one server", Settings{Node: true, GitPort: 1, Outside: append(names, Outside{"github.com", OutsideRegistry})}, false},
	} {
		if err := tc.s.CheckOutside(); (err == nil) != tc.ok {
			t.Errorf("%s: %s: got %v", name, tc.why, err)
		}
	}
}
