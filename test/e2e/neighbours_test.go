// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"rhumb.run/rhumb/test/e2e/rig"
	"rhumb.run/rhumb/test/e2e/story"
)

// TestNeighbours walks the published examples, with the real Flux, Tekton,
// kpack and git. Only the builder is small: it is the lab's own.
func TestNeighbours(t *testing.T) {
	repo := checkout(t)
	lab := repo.Lab("neighbours")
	before := look(t, lab)
	t.Run("Lab", func(t *testing.T) {
		up(t, lab, "--with", "git,flux,tekton,kpack")
		t.Run("BasicSupplyChain", func(t *testing.T) { basicChain(t, lab) })
		t.Run("RunnableTekton", func(t *testing.T) { runnableTekton(t, lab) })
		t.Run("TestedOnceThenDeployed", func(t *testing.T) { testedOnce(t, lab) })
		t.Run("WrittenToGitAndDelivered", func(t *testing.T) { writtenAndDelivered(t, lab) })
		t.Run("FluxGoesAndComesBack", func(t *testing.T) { fluxGoes(t, lab) })
	})
	unchanged(t, lab, before)
	if _, err := os.Stat(lab.Dir); err == nil {
		t.Errorf("%s is still there", lab.Dir)
	}
}

// basicChain pushes a commit, one that can't be built, and one that can again:
// what was built last runs.
func basicChain(t *testing.T, lab rig.Lab) {
	s := settle(t, lab, "basic", "shared", "basic-supply-chain")
	source := s.repository("hello")
	first := source.push(map[string]string{"index.html": one})
	s.builds("hello", first)
	s.answers("hello", one)
	s.shows("workload/hello", readyStatus, "True")

	source.push(map[string]string{"build.sh": "echo no compiler finds anything here; exit 1"})
	s.shows("images.kpack.io/hello", readyStatus, "False")
	s.shows("workload/hello", readyStatus, "False")
	s.shows("workload/hello", "{.status.cause}", "Image hello")
	s.answers("hello", one)

	third := source.push(map[string]string{"build.sh": "", "index.html": two})
	s.builds("hello", third)
	s.answers("hello", two)
	s.shows("deployment/hello", "{.spec.template.spec.containers[0].image}", s.image)
	s.shows("workload/hello", readyStatus, "True")
}

// readyStatus is the path of what the condition Ready says.
const readyStatus = `{.status.conditions[?(@.type=="Ready")].status}`

// runnableTekton gives one Runnable good, bad and good inputs.
func runnableTekton(t *testing.T, lab rig.Lab) {
	s := settle(t, lab, "verdicts", "shared/runner.yaml", "runnable-tekton/run-template.yaml", "runnable-tekton/task.yaml")
	s.apply("runnable-tekton/runnable.yaml")
	s.shows("runnable/verdict", "{.status.outputs.verdict}", "good-1 is good")
	s.apply("runnable-tekton/runnable-that-fails.yaml")
	s.shows("runnable/verdict", "{.status.cause}", "bad-2 is bad")
	s.shows("runnable/verdict", "{.status.outputs.verdict} {.status.outputs.revision}", "good-1 is good good-1")
	s.apply("runnable-tekton/runnable-again.yaml")
	s.shows("runnable/verdict", "{.status.outputs.verdict} {.status.outputs.revision}", "good-3 is good good-3")
	s.runs(3)
}

// testedOnce pushes a commit that passes, one that does not and one that does
// again: each is tested once, whatever becomes of the controller, and only what
// passed is built and deployed.
func testedOnce(t *testing.T, lab rig.Lab) {
	s := settle(t, lab, "tested", "shared", "testing-supply-chain")
	source := s.repository("hello-tested")
	first := source.push(map[string]string{"index.html": one, "test.sh": "echo all is well"})
	s.builds("hello-tested", first)
	s.answers("hello-tested", one)
	s.runs(1)
	kill(s.ctx, t, lab)
	_, err := lab.Kubectl(s.ctx, "rollout", "status", "--timeout=120s", "-n", story.SystemNamespace, "deployment/"+story.SystemDeployment)
	must(t, err)

	source.push(map[string]string{"index.html": "Hello from what is broken", "test.sh": "echo two and two are five; exit 1"})
	s.shows("workload/hello-tested", "{.status.cause}", "two and two are five")
	s.runs(2) // the first was not run again by the controller that came back
	s.shows("images.kpack.io/hello-tested", "{.spec.source.blob.url}", first)
	s.answers("hello-tested", one)

	third := source.push(map[string]string{"index.html": two, "test.sh": "echo all is well again"})
	s.builds("hello-tested", third)
	s.answers("hello-tested", two)
	s.runs(3)
}

// writtenAndDelivered follows an image into git, and out of it again.
func writtenAndDelivered(t *testing.T, lab rig.Lab) {
	s := settle(t, lab, "written", "shared", "gitwriter-supply-chain")
	s.password("git-writer")
	source := s.repository("hello-written")
	first := source.push(map[string]string{"index.html": one})
	s.builds("hello-written", first)
	s.shows("runnable/hello-written-git-writer", "{.status.outputs.revision}", "")
	for _, f := range []string{"delivery", "templates", "accounts", "task", "deliverable"} {
		s.apply("basic-delivery/" + f + ".yaml")
	}
	s.answers("hello-written", one)
	s.shows("deliverable/hello-written", readyStatus, "True")

	second := source.push(map[string]string{"index.html": two})
	s.builds("hello-written", second)
	s.shows("configmap/hello-written-config", "{.data.manifest}", s.image)
	s.commits("gitops/hello-written", 2)
	s.fetch("hello-written-delivery")
	s.answers("hello-written", two)
	s.shows("deliverable/hello-written", readyStatus, "True")
}

// fluxGoes takes Flux away: what is deployed stays, and a push is found when it
// is back.
func fluxGoes(t *testing.T, lab rig.Lab) {
	s := settle(t, lab, "gone", "shared", "basic-supply-chain")
	source := s.repository("hello")
	first := source.push(map[string]string{"index.html": one})
	s.builds("hello", first)
	s.answers("hello", one)
	must(t, lab.Component(s.ctx, "stop", "flux"))
	second := source.push(map[string]string{"index.html": two})
	s.answers("hello", one)
	must(t, lab.Component(s.ctx, "start", "flux"))
	s.builds("hello", second)
	s.answers("hello", two)
}

func kubectl(t *testing.T, lab rig.Lab, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	out, err := lab.Kubectl(ctx, args...)
	must(t, err)
	return strings.TrimSpace(out)
}
