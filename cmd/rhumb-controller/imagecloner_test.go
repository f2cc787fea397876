// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"rhumb.run/rhumb/internal/core/clone"
	"rhumb.run/rhumb/internal/registry/contract"
	"rhumb.run/rhumb/internal/testkit/controlplane"
)

// The seed's example, in the seed's words.
func TestClonerOfOld(t *testing.T) {
	c := newCloner(t)
	digest := contract.Push(t, c.hub.URL, "library/"+seedImage, two(t, "nginx"))
	c.deploy("nginx", seedImage)
	stop := c.run()
	c.untilImages("nginx", seedTarget+"/"+seedImage)
	c.has("nginx", digest)
	want := []string{
		"inspecting deployment", "checking deployment container " + seedImage, "cloning deployment image " + seedImage,
		"updating deployment image " + seedImage + " " + seedTarget + "/" + seedImage,
		"deployment image reference updated " + seedTarget + "/" + seedImage,
		"inspecting deployment", "checking deployment container " + seedTarget + "/" + seedImage, "image already cloned " + seedTarget + "/" + seedImage,
	}
	c.until("the words of old", func() (bool, string) {
		got := c.spoken("nginx")
		return len(got) >= len(want), strings.Join(got, "\n")
	})
	if diff := cmp.Diff(want, c.spoken("nginx")[:len(want)]); diff != "" {
		t.Error(diff)
	}
	o := c.get("nginx")
	for key, text := range map[string]string{
		clone.OriginalsAnnotation: `{"c0":"` + seedImage + `"}`, clone.PolicyAnnotation: "env", clone.SecretAnnotation: "cr-token",
	} {
		if got := o.GetAnnotations()[key]; got != text {
			t.Errorf("annotation %s is %q, want %q", key, got, text)
		}
	}

	stop()
	c.hub.Asked()
	c.target.Asked()
	c.calls.take()
	c.run() // one that knows of nothing but what is on the object
	for i := range 10 {
		before := len(c.spoken("nginx"))
		c.touch("nginx", fmt.Sprint(i))
		c.until("the next look", func() (bool, string) { return len(c.spoken("nginx")) >= before+3, "" })
	}
	if asked := append(c.hub.Asked(), c.target.Asked()...); len(asked) > 0 {
		t.Errorf("a copy that is used was asked for: %q", asked)
	}
	if writes := c.calls.take(); len(writes) > 0 {
		t.Errorf("nothing was to be written: %q", writes)
	}
	if got := c.spoken("nginx"); got[len(got)-1] != "image already cloned "+seedTarget+"/"+seedImage {
		t.Errorf("the last word is %q", got[len(got)-1])
	}
}

// Without variables the registry of everybody's examples is meant.
func TestClonerWithoutVariables(t *testing.T) {
	c := newCloner(t)
	c.env = nil
	c.target = contract.NewFront(t, memory())
	c.reach(map[string]string{"docker.io": c.hub.URL, seedTarget: c.target.URL})
	contract.Push(t, c.hub.URL, "library/redis:7", two(t, "redis"))
	c.deploy("redis", "redis:7")
	c.run()
	c.untilImages("redis", seedTarget+"/redis:7")
}

// The copy does not wait for the Deployment, its change does.
func TestClonerWaitsForReady(t *testing.T) {
	c := newCloner(t)
	c.asleep.Store(true)
	digest := contract.Push(t, c.hub.URL, "library/redis:7", two(t, "redis"))
	c.deploy("redis", "redis:7")
	c.run()
	c.until("a copy", func() (bool, string) {
		return slices.Contains(c.target.Asked(), "PUT /v2/redis/manifests/7"), strings.Join(c.spoken("redis"), "\n")
	})
	c.has("redis", digest)
	c.until("the word", func() (bool, string) {
		got := c.spoken("redis")
		return slices.Contains(got, "deployment not ready yet"), strings.Join(got, "\n")
	})
	if got := c.images("redis"); got[0] != "redis:7" {
		t.Errorf("it was changed before it was ready: %q", got)
	}
	c.asleep.Store(false)
	c.untilImages("redis", seedTarget+"/redis:7")
}

// One patch for all containers, both pull secrets, and no two images under one name.
func TestClonerOnePatch(t *testing.T) {
	c := newCloner(t)
	other := contract.NewFront(t, memory())
	c.reach(map[string]string{"docker.io": c.hub.URL, "quay.io": c.quay.URL, seedTarget: c.target.URL, "localhost:50001": other.URL})
	one := contract.Push(t, c.hub.URL, "team/app:1", two(t, "hub"))
	another := contract.Push(t, c.quay.URL, "team/app:1", two(t, "quay"))
	contract.Push(t, other.URL, "x:1", two(t, "x"))
	c.apply(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      imagePullSecrets: [{name: team}]
      initContainers: [{name: setup, image: "localhost:50001/x:1"}]
      containers: [{name: a, image: "team/app:1"}, {name: b, image: "quay.io/team/app:1"}]`)
	c.run()
	c.untilImages("web", seedTarget+"/team/app:1", seedTarget+"/quay.io/team/app:1")
	c.has("team/app", one)
	c.has("quay.io/team/app", another)
	if writes := c.calls.take(); len(writes) != 1 {
		t.Errorf("want one patch: %q", writes)
	}
	o := c.get("web")
	spec, _, _ := unstructured.NestedMap(o.Object, "spec", "template", "spec")
	if diff := cmp.Diff([]any{map[string]any{"name": "team"}, map[string]any{"name": "cr-token"}}, spec["imagePullSecrets"]); diff != "" {
		t.Errorf("pull secrets: %s", diff)
	}
	if image := spec["initContainers"].([]any)[0].(map[string]any)["image"]; image != seedTarget+"/localhost_50001/x:1" {
		t.Errorf("the init container's image is %v", image)
	}
	if o.GetGeneration() != 2 {
		t.Errorf("it rolled out %d times", o.GetGeneration()-1)
	}
}

// One that cannot be copied holds up none beside it, and is told of; what is left out is left alone.
func TestClonerLeavesAlone(t *testing.T) {
	c := newCloner(t)
	contract.Push(t, c.hub.URL, "library/redis:7", two(t, "redis"))
	c.deploy("web", "redis:7", "absent:1", "Not An Image")
	c.run()
	c.untilImages("web", seedTarget+"/redis:7", "absent:1", "Not An Image")
	c.until("the reason", func() (bool, string) {
		got := c.spoken("web")
		return slices.ContainsFunc(got, func(s string) bool { return strings.HasPrefix(s, "image not cloned absent:1") }), strings.Join(got, "\n")
	})
	for _, asked := range c.quay.Asked() {
		t.Errorf("nobody's image was asked for: %s", asked)
	}
}

// Namespaces that are left out, by name or as the cluster's own, are left alone.
func TestClonerLeavesNamespacesOut(t *testing.T) {
	c := newCloner(t)
	elsewhere := controlplane.Namespace(t)
	c.further = []string{elsewhere, "kube-system"}
	c.env[clone.EnvSkip] = "other, " + c.ns
	contract.Push(t, c.hub.URL, "library/redis:7", two(t, "redis"))
	contract.Push(t, c.quay.URL, "a/b:1", two(t, "b"))
	own := strings.ReplaceAll(fmt.Sprintf(webIn, "kube-system"), "name: web", "name: "+c.ns)
	c.asIs(own)
	t.Cleanup(func() {
		_ = c.in("deployments", "kube-system").Delete(context.Background(), c.ns, metav1.DeleteOptions{})
	})
	c.deploy("web", "redis:7")
	c.settled("web")
	c.hub.Forget()
	c.run()
	// What comes after them has been copied.
	c.asIs(strings.ReplaceAll(fmt.Sprintf(webIn, elsewhere), "redis:7", "quay.io/a/b:1"))
	c.until("a namespace that is not left out", func() (bool, string) { return c.tag("quay.io/a/b", "1") != "", "" })
	if asked := c.hub.Requests(); len(asked) > 0 {
		t.Errorf("namespaces that are left out: %+v", asked)
	}
	for _, w := range c.calls.take() {
		if strings.Contains(w, "/deployments/") {
			t.Errorf("it wrote %s", w)
		}
	}
}

// Whoever puts the original back is left alone after three times.
func TestClonerGivesUp(t *testing.T) {
	c := newCloner(t)
	contract.Push(t, c.hub.URL, "library/redis:7", two(t, "redis"))
	c.deploy("web", "redis:7")
	stop := c.run()
	back := `{"spec":{"template":{"spec":{"containers":[{"name":"c0","image":"redis:7"}]}}}}`
	for range 3 {
		c.untilImages("web", seedTarget+"/redis:7")
		if _, err := c.deployments().Patch(t.Context(), "web", types.StrategicMergePatchType, []byte(back), metav1.PatchOptions{FieldManager: "argocd"}); err != nil {
			t.Fatal(err)
		}
	}
	c.until("a word on it", func() (bool, string) {
		why := c.get("web").GetAnnotations()[clone.ReasonAnnotation]
		return strings.HasPrefix(why, "RewriteContested: argocd put back the original images 3 times"), why
	})
	generation := c.get("web").GetGeneration()
	stop()
	c.calls.take()
	c.run() // the object remembers
	c.touch("web", "1")
	c.deploy("later", "redis:7")
	c.untilImages("later", seedTarget+"/redis:7")
	writes := slices.DeleteFunc(c.calls.take(), func(s string) bool { return strings.HasSuffix(s, "/later") })
	if got := c.get("web").GetGeneration(); got != generation || len(writes) > 0 {
		t.Errorf("it was changed again: %q", writes)
	}
}

// No registry sees another's credentials, and a refused password is told without being shown.
func TestClonerKeepsSecrets(t *testing.T) {
	c := newCloner(t)
	c.env[clone.EnvPassword] = "wrong-canary"
	var seen []string
	c.hub.Fault(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if h := r.Header.Get("Authorization"); h != "" {
			seen = append(seen, h)
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
		w.WriteHeader(http.StatusUnauthorized)
	})
	c.deploy("web", "redis:7")
	contract.Push(t, c.quay.URL, "a/b:1", two(t, "b"))
	c.deploy("own", "quay.io/a/b:1")
	c.run()
	for _, name := range []string{"web", "own"} {
		c.until("a word on "+name, func() (bool, string) {
			got := c.spoken(name)
			return slices.ContainsFunc(got, func(s string) bool { return strings.HasPrefix(s, "image not cloned") }), strings.Join(got, "\n")
		})
	}
	if len(seen) > 0 {
		t.Errorf("the hub was shown %q", seen)
	}
	if strings.Contains(c.said.String(), "canary") {
		t.Error("the log shows the password")
	}
}

// Kubernetes gives the pull secrets of a service account only to pods that name none.
func TestClonerKeepsTheAccountsPullSecrets(t *testing.T) {
	c := newCloner(t)
	contract.Push(t, c.hub.URL, "library/redis:7", two(t, "redis"))
	c.apply("{apiVersion: v1, kind: ServiceAccount, metadata: {name: puller}, imagePullSecrets: [{name: team}, {name: hub}]}")
	c.apply(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template: {metadata: {labels: {app: web}}, spec: {serviceAccountName: puller, containers: [{name: c0, image: "redis:7"}]}}`)
	c.run()
	c.untilImages("web", seedTarget+"/redis:7")
	o := c.get("web")
	secrets, _, _ := unstructured.NestedSlice(o.Object, "spec", "template", "spec", "imagePullSecrets")
	want := []any{map[string]any{"name": "team"}, map[string]any{"name": "hub"}, map[string]any{"name": "cr-token"}}
	if diff := cmp.Diff(want, secrets); diff != "" {
		t.Errorf("pull secrets: %s", diff)
	}
	if got := o.GetAnnotations()[clone.SecretAnnotation]; got != "team,hub,cr-token" {
		t.Errorf("restoring takes away %q", got)
	}
}
