// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"rhumb.run/rhumb/test/e2e/cloner"
	"rhumb.run/rhumb/test/e2e/rig"
)

// mirror is a policy by which pods get copies as they are made, also those that
// nobody's template stands for. The node and the controller have one name each
// for the lab's registry.
const mirror = `apiVersion: rhumb.run/v1alpha1
kind: ImageClonePolicy
metadata: {name: mirror}
spec:
  match: {images: {include: ["docker.io/**"]}}
  target:
    pullName: localhost:5000/mirror
    pushEndpoint: registry.kube-system.svc.cluster.local:5000
    insecure: true
  rewrite: {strategy: Both}
`

// copyOf is what the policy calls the copy of the story's image.
const copyOf = "localhost:5000/mirror/docker.io/library/nginx:1.21.4-alpine"

// TestImageClonePolicy walks from a policy to pods that are given copies as they
// are made: one of nobody's, with an init container, and a container that is
// added to it for looking. Then Docker Hub is gone, and another pod starts.
func TestImageClonePolicy(t *testing.T) {
	lab := checkout(t).Lab("policy")
	before := look(t, lab)
	t.Run("Lab", func(t *testing.T) {
		j := &clonerJourney{lab: lab, install: (*cloner.Story).InstallAll}
		j.up(t)
		j.open(t)
		if !t.Run("PodsGetCopies", j.podsGetCopies) {
			out, err := lab.Kubectl(t.Context(), "get", "imageclonepolicies,clonedimages,pods", "-A", "-o", "wide")
			t.Log(out, err, kubectl(t, lab, "-n", "rhumb-system", "logs", "deployment/rhumb-controller", "--tail", "60"))
		}
	})
	unchanged(t, lab, before)
}

func (j *clonerJourney) podsGetCopies(t *testing.T) {
	_, err := j.lab.Kubectl(j.ctx, "create", "namespace", cloner.Namespace)
	must(t, err)
	j.apply(t, mirror)
	// The first pod is what the policy hears of the image by: it is let in as it is.
	j.apply(t, bare("first"))
	must(t, rig.Until(j.ctx, "the copy", 200*time.Millisecond, func() (bool, string) {
		got := copied(t, copyOf)
		return got == j.digest, got
	}))
	must(t, rig.Until(j.ctx, "the copy to be known", 200*time.Millisecond, func() (bool, string) {
		out, err := j.lab.Kubectl(j.ctx, "get", "clonedimages", "-o", "jsonpath={.items[*].status.state}")
		return out == "Ready", fmt.Sprint(out, err)
	}))
	_, err = j.s.Kubectl(j.ctx, "wait", "--for=condition=Ready", "pod/first", "--timeout=60s")
	must(t, err)
	asked, err := j.lab.Hub(j.ctx)
	must(t, err)
	j.apply(t, bare("second"))
	j.images(t, "second", "{.spec.initContainers[0].image} {.spec.containers[0].image}", copyOf+" "+copyOf)
	_, err = j.s.Kubectl(j.ctx, "wait", "--for=condition=Ready", "pod/second", "--timeout=60s")
	must(t, err)
	_, err = j.s.Kubectl(j.ctx, "debug", "second", "--image="+cloner.Image, "--container=look", "--", "sleep", "1")
	must(t, err)
	j.images(t, "second", "{.spec.ephemeralContainers[0].image}", copyOf)
	if now, err := j.lab.Hub(j.ctx); err != nil || fmt.Sprint(now.Requests) != fmt.Sprint(asked.Requests) {
		t.Errorf("for a pod that has copies Docker Hub was asked: %v, then %v (%v)", asked.Requests, now.Requests, err)
	}
	// The node's container runtime mounts no images yet: nobody is to run this one.
	j.apply(t, strings.Replace(bare("model"), "spec:\n", "spec:\n  schedulerName: nobody\n  volumes: [{name: data, image: {reference: "+cloner.Image+"}}]\n", 1))
	j.images(t, "model", "{.spec.volumes[0].image.reference} {.spec.containers[0].image}", copyOf+" "+copyOf)

	must(t, j.lab.Component(j.ctx, "stop", "hub"))
	_, err = j.s.Kubectl(j.ctx, "delete", "pod", "first", "second")
	must(t, err)
	must(t, j.s.Unlearn(j.ctx, "/nginx"))
	j.apply(t, bare("third"))
	_, err = j.s.Kubectl(j.ctx, "wait", "--for=condition=Ready", "pod/third", "--timeout=60s")
	must(t, err)
}

// bare is a pod of nobody's.
func bare(name string) string {
	return fmt.Sprintf(`apiVersion: v1
kind: Pod
metadata: {name: %s}
spec:
  terminationGracePeriodSeconds: 0
  initContainers: [{name: first, image: %[2]q, command: [nginx, -t]}]
  containers: [{name: nginx, image: %[2]q}]
`, name, cloner.Image)
}

func (j *clonerJourney) images(t *testing.T, pod, path, want string) {
	t.Helper()
	out, err := j.s.Kubectl(j.ctx, "get", "pod", pod, "-o", "jsonpath="+path)
	must(t, err)
	if got := strings.TrimSpace(out); got != want {
		t.Errorf("pod %s has %s, want %s", pod, got, want)
	}
}
