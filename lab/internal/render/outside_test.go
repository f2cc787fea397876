// SPDX-License-Identifier: Apache-2.0

package render

import (
	"slices"
	"strings"
	"testing"

	"rhumb.run/rhumb/lab/internal/layout"
)

func TestOutsideNamesAreAnsweredFor(t *testing.T) {
	s := node
	s.GitPort, s.Outside = 5501, []layout.Outside{{Name: "github.com", Kind: "git"}, {Name: "docker.io", Kind: "registry"}}
	flags := Front(at, s)
	for _, want := range []string{"--listen=10.250.0.1:443", "--git=http://127.0.0.1:5501", "--registry=http://127.0.0.1:5500",
		"--git-name=github.com", "--registry-name=docker.io", "--registry-name=index.docker.io"} {
		if !slices.Contains(flags, want) {
			t.Errorf("no %s in %v", want, flags)
		}
	}
	if got, want := corefile(s), "hosts /etc/hosts github.com docker.io index.docker.io registry-1.docker.io {\n        10.250.0.1 github.com docker.io"; !strings.Contains(got, want) {
		t.Errorf("no %q in\n%s", want, got)
	}
	if got := corefile(node); strings.Contains(got, "hosts") {
		t.Errorf("without outside names somebody answers for some:\n%s", got)
	}
	if strings.Contains(strings.Join(flags, " "), "--password=") {
		t.Error("a password can be read off the list of processes")
	}
}

// What plays Docker Hub has an address of its own, or its absence would look like somebody's answer.
func TestHubIsElsewhere(t *testing.T) {
	s := node
	s.Outside = []layout.Outside{{Name: "ghcr.io", Kind: "registry"}, {Name: "docker.io", Kind: "hub"}}
	if flags := Hub(at, s); !slices.Contains(flags, "--listen=10.250.0.2:443") || !slices.Contains(flags, "--name=auth.docker.io") {
		t.Errorf("the hub is told %v", flags)
	}
	if flags := Front(at, s); slices.Contains(flags, "--registry-name=docker.io") {
		t.Errorf("the front answers for the hub: %v", flags)
	}
	const want = "        10.250.0.1 ghcr.io\n        10.250.0.2 auth.docker.io docker.io index.docker.io production.cloudflare.docker.com registry-1.docker.io\n"
	if got := corefile(s); !strings.Contains(got, want) {
		t.Errorf("no\n%s in\n%s", want, got)
	}
}

// A running DNS server does not see its file change in time.
func TestOtherNamesAreAnotherPod(t *testing.T) {
	s := node
	s.Outside = []layout.Outside{{Name: "ghcr.io", Kind: "registry"}}
	marks := map[any]bool{}
	for _, settings := range []layout.Settings{node, s} {
		objects := CoreDNS("x", settings)
		pod := objects[len(objects)-1].Body["spec"].(m)["template"].(m)
		marks[pod["metadata"].(m)["annotations"].(m)["rhumb.run/corefile"]] = true
	}
	if len(marks) != 2 {
		t.Errorf("both are marked %v", marks)
	}
}
