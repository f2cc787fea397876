// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"rhumb.run/rhumb/api/rhumb/v1alpha1"
	"rhumb.run/rhumb/internal/core/clone"
	"rhumb.run/rhumb/internal/registry/contract"
)

// undo takes a Deployment back to a version with an image, as `kubectl rollout undo --to-revision` does: the template and the
// annotations of that version's ReplicaSet take the place of its own.
func (c *cloner) undo(name, image string) {
	c.t.Helper()
	sets, err := c.client.Resource(appsv1.SchemeGroupVersion.WithResource("replicasets")).Namespace(c.ns).
		List(c.t.Context(), metav1.ListOptions{LabelSelector: "app=" + name})
	if err != nil {
		c.t.Fatal(err)
	}
	at := slices.IndexFunc(sets.Items, func(u unstructured.Unstructured) bool {
		template, _, _ := unstructured.NestedMap(u.Object, "spec", "template", "spec")
		return strings.Contains(fmt.Sprint(template), "image:"+image+" ")
	})
	if at < 0 {
		c.t.Fatalf("no version of %s has %s", name, image)
	}
	set := sets.Items[at]
	unstructured.RemoveNestedField(set.Object, "spec", "template", "metadata", "labels", appsv1.DefaultDeploymentUniqueLabelKey)
	template, _, _ := unstructured.NestedMap(set.Object, "spec", "template")
	annotations := set.GetAnnotations()
	for key := range annotations {
		if strings.HasPrefix(key, "deployment.kubernetes.io/") {
			delete(annotations, key)
		}
	}
	if revision, is := c.get(name).GetAnnotations()["deployment.kubernetes.io/revision"]; is {
		annotations["deployment.kubernetes.io/revision"] = revision
	}
	patch, err := json.Marshal([]map[string]any{
		{"op": "replace", "path": "/spec/template", "value": template}, {"op": "replace", "path": "/metadata/annotations", "value": annotations},
	})
	if err != nil {
		c.t.Fatal(err)
	}
	c.patched(name, types.JSONPatchType, string(patch))
}

// Taken back to a version with a copy, a Deployment stays there: the copy was kept for that, its original is remembered, and
// nobody fights over it. Taken back to a version from before the copy, it uses the copy again.
func TestPolicyRolloutUndone(t *testing.T) {
	c := newPolicies(t)
	const seven, eight = corp + "/docker.io/library/redis:7", corp + "/docker.io/library/redis:8"
	digest := contract.Push(t, c.hub.URL, "library/redis:7", two(t, "redis 7"))
	contract.Push(t, c.hub.URL, "library/redis:8", two(t, "redis 8"))
	c.policy("corp", "  cleanup: {enabled: true, retention: 0s}")
	c.deploy("web", "redis:7")
	m := &meddler{edits: map[string]func(){}, wrote: map[string][]written{}}
	c.start(m.wrap)
	c.untilImages("web", seven)
	c.settled("web")
	c.containers("web", `{"name":"c0","image":"redis:8"}`)
	c.untilImages("web", eight)
	c.settled("web")
	c.record("docker.io/library/redis:8", v1alpha1.StateReady)
	c.hub.Fault(down)
	c.hub.Forget()
	taken, _ := m.of("web")

	c.undo("web", seven)
	c.settled("web")
	c.deploy("later", "redis:8")
	c.untilImages("later", eight)
	if got, _ := m.of("web"); len(got) != len(taken) {
		t.Errorf("it was changed again: %+v", got[len(taken):])
	}
	if got := c.images("web"); got[0] != seven {
		t.Errorf("it has %q", got)
	}
	if got := c.get("web").GetAnnotations()[clone.OriginalsAnnotation]; got != `{"c0":"redis:7"}` {
		t.Errorf("its original is %s", got)
	}
	if got := c.tag("mirror/docker.io/library/redis", "7"); got != digest {
		t.Errorf("the target has %q", got)
	}
	if asked := c.hub.Tally()["GET blob"]; asked > 0 {
		t.Errorf("it was copied again: %d blobs", asked)
	}
	if slices.ContainsFunc(c.target.Requests(), func(q contract.Request) bool { return q.Method == http.MethodDelete }) {
		t.Error("a copy that a version has was deleted")
	}

	c.undo("web", "redis:8")
	c.untilImages("web", eight)
	c.settled("web")
	if got, _ := m.of("web"); len(got) != len(taken)+1 {
		t.Errorf("it was changed %d times", len(got)-len(taken))
	}
	if got := c.get("web").GetAnnotations()[clone.OriginalsAnnotation]; got != `{"c0":"redis:8"}` {
		t.Errorf("its original is %s", got)
	}
}
