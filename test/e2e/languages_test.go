// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// applications are those of examples/apps that kpack builds from source.
var applications = []string{"hello-golang", "hello-tanzu", "hello-nodejs", "hello-ruby"}

// TestLanguages builds each application with the real kpack and the lab's
// buildpacks, twice: the second Image has neither a cache nor an image before
// it, and yet gets the same one. Then the stack is updated.
func TestLanguages(t *testing.T) {
	lab := checkout(t).Lab("languages")
	before := look(t, lab)
	t.Run("Lab", func(t *testing.T) {
		up(t, lab, "--with", "git,kpack")
		s := settle(t, lab, "languages")
		for _, app := range applications {
			s.source(app)
			s.buildsWith("default", app, app)
		}
		first := map[string]string{}
		for _, app := range applications {
			first[app] = s.built(app, "1")
			s.kubectl("create", "deployment", app, "--image", first[app])
			s.buildsWith("default", app, app+"-again")
		}
		for _, app := range applications {
			s.answers(app, "Hello World!")
			s.sameAgain(app, first[app])
		}
		s.updateStack(first)
	})
	unchanged(t, lab, before)
}

// sameAgain wants the second build to be the first one's like, and tells what
// differs if it is not.
func (s *settler) sameAgain(app, first string) {
	s.t.Helper()
	if again := s.built(app+"-again", "1"); digestOf(again) != digestOf(first) {
		s.t.Errorf("%s, built again from the same source, is %s and not %s:\n%s", app, again, first, s.differences(first, again))
	}
}

// updateStack gives the builder's stack another run image: what was built moves
// onto it without a build.
func (s *settler) updateStack(first map[string]string) {
	s.t.Helper()
	newer := filepath.Join(s.t.TempDir(), "newer")
	must(s.t, os.WriteFile(newer, []byte("a security update\n"), 0o600))
	_, err := s.lab.Repo.Run(s.ctx, nil, s.lab.Repo.Path("bin", "rhumb-lab"), "push", "--ref", "localhost:5000/newer/run:1",
		"--base", "localhost:5000/rhumb-lab/kpack-run:lab", "--file", newer+":/etc/newer", "--user", "1000:1000")
	must(s.t, err)
	s.kubectl("patch", "clusterstack", "lab", "--type", "merge", "-p",
		`{"spec":{"runImage":{"image":"registry.kube-system.svc.cluster.local:5000/newer/run:1"}}}`)
	for _, app := range applications {
		if image := s.built(app, "2"); digestOf(image) == digestOf(first[app]) {
			s.t.Errorf("%s is still %s", app, image)
		}
		s.shows("builds.kpack.io/"+app+"-build-2", `{.metadata.annotations.image\.kpack\.io/reason}`, "STACK")
	}
}

// source pushes an example's application to the lab's git server.
func (s *settler) source(app string) {
	s.t.Helper()
	c := clone{s, s.t.TempDir(), s.namespace + "/" + app, app}
	c.git("init", "--quiet", "--initial-branch=main")
	must(s.t, os.CopyFS(c.dir, os.DirFS(s.lab.Repo.Path("examples", "apps", app))))
	c.git("add", "--all", ".")
	c.git("commit", "--quiet", "--message", "the example")
	c.git("push", "--quiet", c.address(c.name), "HEAD:main")
}

// buildsWith has kpack build an application, as an Image of Cartographer's time.
func (s *settler) buildsWith(builder, app, image string) {
	s.t.Helper()
	file := filepath.Join(s.t.TempDir(), image+".yaml")
	must(s.t, os.WriteFile(file, fmt.Appendf(nil, `apiVersion: kpack.io/v1alpha1
kind: Image
metadata: {name: %[1]s}
spec:
  tag: registry.kube-system.svc.cluster.local:5000/%[2]s/%[1]s
  serviceAccount: default
  builder: {kind: ClusterBuilder, name: %[3]s}
  source: {git: {url: "http://git.kube-system.svc.cluster.local/%[2]s/%[4]s.git", revision: main}}
`, image, s.namespace, builder, app), 0o600))
	s.kubectl("apply", "-f", file)
}

// built waits for the build of that number, and returns what it made.
func (s *settler) built(image, number string) string {
	s.t.Helper()
	object := "images.kpack.io/" + image
	s.shows(object, `{.status.buildCounter} {.status.conditions[?(@.type=="Ready")].status}`, number+" True")
	return s.kubectl("get", object, "-o", "jsonpath={.status.latestImage}")
}

func digestOf(image string) string {
	_, digest, _ := strings.Cut(image, "@")
	return digest
}
