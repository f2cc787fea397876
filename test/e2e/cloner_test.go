// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"rhumb.run/rhumb/test/e2e/cloner"
	"rhumb.run/rhumb/test/e2e/rig"
	"rhumb.run/rhumb/test/e2e/story"
)

// TestImageCloner walks the image cloner's story with the one file that a
// cluster is given for it, then has happen what needs a real node to happen.
func TestImageCloner(t *testing.T) {
	lab := checkout(t).Lab("cloner")
	before := look(t, lab)
	t.Run("Lab", func(t *testing.T) {
		j := &clonerJourney{lab: lab, install: (*cloner.Story).Install}
		j.up(t)
		for _, part := range []struct {
			name string
			walk func(*testing.T)
		}{
			{"FromHubToCopy", j.fromHubToCopy},
			{"SecondLook", j.secondLook},
			{"SecretsAndInit", j.secretsAndInit},
			{"KilledMidCopy", j.killedMidCopy},
			{"Debugged", j.debugged},
			{"HubGone", j.hubGone},
			{"RightsSuffice", j.rightsSuffice},
		} {
			if !t.Run(part.name, func(t *testing.T) { j.open(t); part.walk(t) }) {
				j.tell(t)
				return // each goes on where the one before it ended
			}
		}
	})
	unchanged(t, lab, before)
	if _, err := os.Stat(lab.Dir); err == nil {
		t.Errorf("%s is still there", lab.Dir)
	}
}

// clonerJourney is what the parts of the journey hand on.
type clonerJourney struct {
	lab     rig.Lab
	install func(*cloner.Story, context.Context) error
	ctx     context.Context //nolint:containedctx // it is the part's.
	s       *cloner.Story
	digest  string // of the application's image, as Docker Hub has it
}

// up starts a fresh lab with a filled Docker Hub and the image cloner.
func (j *clonerJourney) up(t *testing.T) {
	must(t, j.lab.Remove(t.Context()))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
		defer cancel()
		must(t, j.lab.Remove(ctx))
	})
	must(t, j.lab.Up(t.Context(), cloner.LabArgs()...))
	var err error
	j.digest, err = cloner.Fill(t.Context(), j.lab)
	must(t, err)
	j.open(t)
	must(t, j.install(j.s, j.ctx))
}

func (j *clonerJourney) open(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	t.Cleanup(cancel)
	s, err := cloner.Open(ctx, j.lab, log(t))
	must(t, err)
	j.ctx, j.s = ctx, s
}

func (j *clonerJourney) tell(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for _, args := range [][]string{
		{"get", "deploy,rs,pod", "-A", "-o", "wide"},
		{"-n", cloner.Namespace, "get", "events"},
		{"-n", cloner.SystemNamespace, "logs", "deployment/image-cloner", "--tail", "60"},
	} {
		out, err := j.lab.Kubectl(ctx, args...)
		t.Log(out, err)
	}
}

func (j *clonerJourney) apply(t *testing.T, text string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "objects.yaml")
	must(t, os.WriteFile(file, []byte(text), 0o600))
	_, err := j.s.Kubectl(j.ctx, "apply", "-f", file)
	must(t, err)
}

// copied is the digest of an image in the lab's registry; none if it is not there.
func copied(t *testing.T, image string) string {
	t.Helper()
	repository, tag, _ := strings.Cut(strings.TrimPrefix(image, cloner.Registry+"/"), ":")
	req, err := http.NewRequestWithContext(t.Context(), http.MethodHead, "http://"+cloner.Registry+"/v2/"+repository+"/manifests/"+tag, nil)
	must(t, err)
	req.Header.Set("Accept", "application/vnd.oci.image.index.v1+json")
	resp, err := http.DefaultClient.Do(req)
	must(t, err)
	must(t, resp.Body.Close())
	if resp.StatusCode != http.StatusOK {
		return ""
	}
	return resp.Header.Get("Docker-Content-Digest")
}

// logged is all that the image cloner has written since it started.
func (j *clonerJourney) logged(t *testing.T) string {
	t.Helper()
	return kubectl(t, j.lab, "-n", cloner.SystemNamespace, "logs", "deployment/image-cloner")
}

// fromHubToCopy is what the seed promises, in its words.
func (j *clonerJourney) fromHubToCopy(t *testing.T) {
	must(t, j.s.Apply(j.ctx))
	must(t, j.s.Rewritten(j.ctx, cloner.Name, cloner.Copy))
	must(t, rig.Until(j.ctx, "the new pod to answer", 200*time.Millisecond, func() (bool, string) {
		got, err := j.s.Answer(j.ctx, j.s.Pods(cloner.Name)[0].GetName())
		return got == cloner.Welcome, fmt.Sprint(got, err)
	}))
	if got := copied(t, cloner.Copy); got != j.digest {
		t.Errorf("the copy is %s, the original %s", got, j.digest)
	}
	rest := j.logged(t)
	for _, want := range []string{
		"inspecting deployment", "checking deployment container", "cloning deployment image", "updating deployment image",
		"deployment image reference updated", "inspecting deployment", "checking deployment container", "image already cloned",
	} {
		_, after, found := strings.Cut(rest, want)
		if !found {
			t.Fatalf("the log does not go on with %q:\n%s", want, rest)
		}
		rest = after
	}
	if !strings.Contains(j.logged(t), "image copied") {
		t.Error("the log does not say how much was copied, and how fast")
	}
	hub, err := j.lab.Hub(j.ctx)
	must(t, err)
	if len(hub.Logins) > 0 {
		t.Errorf("Docker Hub was shown the password of %v", hub.Logins)
	}
}

// secondLook finds that nothing is to be done, without asking anybody.
func (j *clonerJourney) secondLook(t *testing.T) {
	before, err := j.lab.Hub(j.ctx)
	must(t, err)
	generation := j.s.Watch.Get(story.Deployments, cloner.Name).GetGeneration()
	looks := strings.Count(j.logged(t), "image already cloned")
	_, err = j.s.Kubectl(j.ctx, "label", "deployment", cloner.Name, "seen=again")
	must(t, err)
	must(t, rig.Until(j.ctx, "another look", 200*time.Millisecond, func() (bool, string) {
		return strings.Count(j.logged(t), "image already cloned") > looks, "none yet"
	}))
	after, err := j.lab.Hub(j.ctx)
	must(t, err)
	if fmt.Sprint(after.Requests) != fmt.Sprint(before.Requests) {
		t.Errorf("for a second look Docker Hub was asked: %v, then %v", before.Requests, after.Requests)
	}
	if now := j.s.Watch.Get(story.Deployments, cloner.Name).GetGeneration(); now != generation {
		t.Errorf("for a second look the Deployment was changed: generation %d, then %d", generation, now)
	}
}

// secretsAndInit has two containers, one of them an init container, and a pull
// secret of its own, which a node has to be able to use still.
func (j *clonerJourney) secretsAndInit(t *testing.T) {
	_, err := j.s.Kubectl(j.ctx, "create", "secret", "docker-registry", "team", "--docker-server=registry.example.com", "--docker-username=u", "--docker-password=p")
	must(t, err)
	j.apply(t, deployment("two", `
      imagePullSecrets: [{name: team}]
      initContainers: [{name: first, image: "docker.io/library/nginx:1.21.4-alpine", command: [nginx, -t]}]
      containers:
      - {name: a, image: "nginx:1.21.4-alpine"}
      - {name: b, image: "nginx:1.21.4-alpine", command: [sleep, "1000000"]}`))
	must(t, j.s.Rewritten(j.ctx, "two", cloner.Copy, cloner.Copy))
	d := j.s.Watch.Get(story.Deployments, "two")
	spec, _, err := unstructured.NestedMap(d.Object, "spec", "template", "spec")
	must(t, err)
	if got, want := fmt.Sprint(spec["imagePullSecrets"]), "[map[name:team] map[name:cr-token]]"; got != want {
		t.Errorf("the pull secrets are %s, want %s", got, want)
	}
	if got := fmt.Sprint(spec["initContainers"]); !strings.Contains(got, "image:"+cloner.Registry+"/") {
		t.Errorf("the init container is as it was: %s", got)
	}
	if d.GetGeneration() != 2 {
		t.Errorf("three images took %d changes, want one", d.GetGeneration()-1)
	}
}

// deployment is one whose pods are as given, below the template's spec.
func deployment(name, spec string) string {
	return fmt.Sprintf(`apiVersion: apps/v1
kind: Deployment
metadata: {name: %[1]s}
spec:
  selector: {matchLabels: {app: %[1]s}}
  template:
    metadata: {labels: {app: %[1]s}}
    spec:
      terminationGracePeriodSeconds: 0%[2]s
`, name, spec)
}

// killedMidCopy ends the image cloner without asking while a blob is on its
// way: no tag says that the image is there, and whoever comes next copies it.
func (j *clonerJourney) killedMidCopy(t *testing.T) {
	const size = 8 << 20
	data := make([]byte, size)
	random := rand.NewChaCha8([32]byte{})
	_, _ = random.Read(data)
	file := filepath.Join(t.TempDir(), "data")
	must(t, os.WriteFile(file, data, 0o600))
	digest, err := j.lab.PushWith(j.ctx, "docker.io/team/big:1", "--layer", j.lab.Repo.Path("bin", "hub", "nginx-1.tar.gz"),
		"--file", file+":/data", "--entrypoint", "sleep", "--arg", "1000000", "--platform", "linux/amd64", "--platform", "linux/arm64")
	must(t, err)
	before, err := j.lab.Hub(j.ctx, "--pace", "1Mi")
	must(t, err)
	// It does not run yet: all that Docker Hub sends, it sends to the image cloner.
	j.apply(t, strings.Replace(deployment("big", "\n      containers: [{name: big, image: \"team/big:1\"}]"), "spec:\n", "spec:\n  replicas: 0\n", 1))
	must(t, rig.Until(j.ctx, "a blob to be on its way", 50*time.Millisecond, func() (bool, string) {
		now, err := j.lab.Hub(j.ctx)
		return err == nil && now.Requests["GET blob data"] > before.Requests["GET blob data"], fmt.Sprint(now.Requests, err)
	}))
	if got := copied(t, "localhost:5000/team/big:1"); got != "" {
		t.Fatalf("a copy that is on its way is there already: %s", got)
	}
	_, err = j.lab.Kubectl(j.ctx, "delete", "pods", "--all", "-n", cloner.SystemNamespace, "--force", "--grace-period=0")
	must(t, err)
	if got := copied(t, "localhost:5000/team/big:1"); got != "" {
		t.Errorf("a copy that was cut short is there: %s", got)
	}
	_, err = j.lab.Hub(j.ctx, "--pace", "off")
	must(t, err)
	must(t, rig.Until(j.ctx, "the copy", 200*time.Millisecond, func() (bool, string) {
		got := copied(t, "localhost:5000/team/big:1")
		return got == digest, got
	}))
	must(t, j.s.Scale(j.ctx, "big", 1))
	must(t, j.s.Rewritten(j.ctx, "big", "localhost:5000/team/big:1"))
}

// debugged adds a container to a pod that runs from a copy: it has to run, and
// the pod has to stay as it is.
func (j *clonerJourney) debugged(t *testing.T) {
	pod := j.s.Pods(cloner.Name)[0].GetName()
	_, err := j.s.Kubectl(j.ctx, "debug", pod, "--image="+cloner.Image, "--container=look", "--", "sleep", "1")
	must(t, err)
	must(t, rig.Until(j.ctx, "the container for looking to run", 200*time.Millisecond, func() (bool, string) {
		out, err := j.s.Kubectl(j.ctx, "get", "pod", pod, "-o", "jsonpath={.status.ephemeralContainerStatuses[0].state}")
		return strings.Contains(out, "running") || strings.Contains(out, `"exitCode":0`), fmt.Sprint(out, err)
	}))
	must(t, j.s.Rewritten(j.ctx, cloner.Name, cloner.Copy))
}

// hubGone takes Docker Hub away and has the node forget the image: what was
// written by its name does not start, what was rewritten does.
func (j *clonerJourney) hubGone(t *testing.T) {
	must(t, j.lab.Component(j.ctx, "stop", "hub"))
	for _, name := range []string{cloner.Name, "two", "big"} {
		must(t, j.s.Scale(j.ctx, name, 0))
	}
	must(t, j.s.Unlearn(j.ctx, "/nginx"))
	_, err := j.s.Kubectl(j.ctx, "run", "original", "--image="+cloner.Image)
	must(t, err)
	before, err := j.s.Pulled(j.ctx, cloner.Copy)
	must(t, err)
	must(t, j.s.Scale(j.ctx, cloner.Name, 2))
	after, err := j.s.Pulled(j.ctx, cloner.Copy)
	must(t, err)
	if after == before {
		t.Error("the node had the image: nothing was shown")
	}
	must(t, rig.Until(j.ctx, "the original not to start", 200*time.Millisecond, func() (bool, string) {
		out, err := j.s.Kubectl(j.ctx, "get", "pod", "original", "-o", "jsonpath={.status.containerStatuses[0].state.waiting.reason}")
		return out == "ErrImagePull" || out == "ImagePullBackOff", fmt.Sprint(out, err)
	}))
}

// rightsSuffice reads whether anything was refused.
func (j *clonerJourney) rightsSuffice(t *testing.T) {
	log := j.logged(t)
	for _, word := range []string{"forbidden", "cannot", "testpass"} {
		if i := strings.Index(log, word); i >= 0 {
			t.Errorf("the log says %q: %s", word, log[max(0, i-200):min(len(log), i+200)])
		}
	}
}
