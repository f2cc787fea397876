// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"rhumb.run/rhumb/test/e2e/rig"
	"rhumb.run/rhumb/test/e2e/story"
)

const (
	one = "Hello from build one"
	two = "Hello from build two"
)

// TestJourneys walks each journey in a namespace of its own of one lab, then
// removes the lab and looks for what it left.
func TestJourneys(t *testing.T) {
	repo := checkout(t)
	lab := repo.Lab("e2e")
	before := look(t, lab)
	t.Run("Lab", func(t *testing.T) {
		up(t, lab)
		t.Run("PushRunPushRoll", func(t *testing.T) { pushRunPushRoll(t, lab) })
		t.Run("DeleteRemovesAll", func(t *testing.T) { deleteRemovesAll(t, lab) })
		t.Run("ControllerKilled", func(t *testing.T) { controllerKilled(t, lab) })
		t.Run("LabRestarted", func(t *testing.T) { labRestarted(t, lab) })
	})
	unchanged(t, lab, before)
	if _, err := os.Stat(lab.Dir); err == nil {
		t.Errorf("%s is still there", lab.Dir)
	}
}

// checkout finds the repository, and refuses where no node can run.
func checkout(t *testing.T) rig.Repo {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("journeys need root: a node mounts file systems and makes network namespaces")
	}
	repo, err := rig.Find()
	if err != nil {
		t.Fatal(err)
	}
	return repo
}

// up starts a fresh lab with Rhumb in it; it goes when the test ends.
func up(t *testing.T, lab rig.Lab, args ...string) {
	t.Helper()
	ctx := t.Context()
	if err := lab.Remove(ctx); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
		defer cancel()
		if t.Failed() {
			t.Log(lab.Logs(ctx))
		}
		if err := lab.Remove(ctx); err != nil {
			t.Error(err)
		}
	})
	if err := lab.Up(ctx, append([]string{"--api-port", "0"}, args...)...); err != nil {
		t.Fatal(err)
	}
	if _, err := story.Install(ctx, lab); err != nil {
		t.Fatal(err)
	}
}

// open starts a story in a namespace that is named for the test.
func open(t *testing.T, lab rig.Lab, namespace string) (context.Context, *story.Story) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	t.Cleanup(cancel)
	if _, err := lab.Kubectl(ctx, "create", "namespace", namespace); err != nil && !strings.Contains(err.Error(), "AlreadyExists") {
		t.Fatal(err)
	}
	s, err := story.Open(ctx, lab, namespace, log(t))
	if err != nil {
		t.Fatal(err)
	}
	return ctx, s
}

// log writes changes to the test's log until the test ends: a watch may see
// something yet when nobody listens any more.
func log(t *testing.T) func(story.Change) {
	var mu sync.Mutex
	over := false
	t.Cleanup(func() {
		mu.Lock()
		defer mu.Unlock()
		over = true
	})
	return func(c story.Change) {
		mu.Lock()
		defer mu.Unlock()
		if !over {
			t.Log(c.At.Format(time.TimeOnly), c.Object, c.What)
		}
	}
}

// running brings a namespace to a Workload whose pod answers with build one.
func running(t *testing.T, lab rig.Lab, namespace string) (context.Context, *story.Story) {
	t.Helper()
	ctx, s := open(t, lab, namespace)
	digest := push(ctx, t, s, one)
	must(t, s.ApplyAdmin(ctx))
	must(t, s.ApplyWorkload(ctx))
	answers(ctx, t, s, one)
	must(t, s.Ready(ctx, digest))
	return ctx, s
}

func pushRunPushRoll(t *testing.T, lab rig.Lab) {
	ctx, s := running(t, lab, "push-run")
	digest := push(ctx, t, s, two)
	answers(ctx, t, s, two)
	must(t, s.Rolled(ctx, digest))
	must(t, s.Ready(ctx, digest))
	out, err := s.Kubectl(ctx, "describe", "imagerepositories")
	must(t, err)
	if !strings.Contains(out, digest) || strings.Contains(out, "RemoteError") {
		t.Errorf("the ImageRepository does not tell of %s:\n%s", digest, out)
	}
	must(t, s.Reset(ctx))
}

func deleteRemovesAll(t *testing.T, lab rig.Lab) {
	ctx, s := running(t, lab, "delete")
	must(t, s.Reset(ctx))
	out, err := s.Kubectl(ctx, "get", "imagerepositories,deployments,replicasets,pods", "-o", "name")
	must(t, err)
	if strings.TrimSpace(out) != "" {
		t.Errorf("left behind:\n%s", out)
	}
}

// controllerKilled kills the controller when the Workload has just been
// created, and again when a push is under way: the end is the same.
func controllerKilled(t *testing.T, lab rig.Lab) {
	ctx, s := open(t, lab, "killed")
	push(ctx, t, s, one)
	must(t, s.ApplyAdmin(ctx))
	must(t, s.ApplyWorkload(ctx))
	kill(ctx, t, lab)
	answers(ctx, t, s, one)
	digest := push(ctx, t, s, two)
	kill(ctx, t, lab)
	answers(ctx, t, s, two)
	must(t, s.Rolled(ctx, digest))
	must(t, s.Ready(ctx, digest))
	must(t, s.Reset(ctx))
}

func kill(ctx context.Context, t *testing.T, lab rig.Lab) {
	t.Helper()
	_, err := lab.Kubectl(ctx, "delete", "pods", "--all", "-n", story.SystemNamespace, "--force", "--grace-period=0")
	must(t, err)
}

// labRestarted turns the whole cluster off and on. What ran runs again, and
// nothing is rolled for it.
func labRestarted(t *testing.T, lab rig.Lab) {
	ctx, s := running(t, lab, "restart")
	before, err := s.Cluster.Typed.AppsV1().Deployments(s.Namespace).Get(ctx, story.Name, metav1.GetOptions{})
	must(t, err)
	must(t, lab.Down(ctx))
	must(t, lab.Up(ctx, "--api-port", "0"))
	_, err = lab.Kubectl(ctx, "rollout", "status", "--timeout=120s", "-n", story.SystemNamespace, "deployment/"+story.SystemDeployment)
	must(t, err)
	ctx, s = open(t, lab, "restart")
	answers(ctx, t, s, one)
	digest := push(ctx, t, s, two)
	must(t, s.Rolled(ctx, digest))
	after, err := s.Cluster.Typed.AppsV1().Deployments(s.Namespace).Get(ctx, story.Name, metav1.GetOptions{})
	must(t, err)
	// One generation more, for build two: the restart itself made none.
	if got, want := after.Generation, before.Generation+1; got != want {
		t.Errorf("the Deployment has generation %d, want %d", got, want)
	}
	must(t, s.Reset(ctx))
}

func push(ctx context.Context, t *testing.T, s *story.Story, text string) string {
	t.Helper()
	digest, _, err := s.Push(ctx, text)
	must(t, err)
	return digest
}

func answers(ctx context.Context, t *testing.T, s *story.Story, text string) {
	t.Helper()
	_, err := s.Answers(ctx, text)
	must(t, err)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
