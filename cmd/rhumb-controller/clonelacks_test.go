// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"rhumb.run/rhumb/api/rhumb/v1alpha1"
	"rhumb.run/rhumb/internal/registry/contract"
)

// says waits until a policy is not ready for a reason, in words.
func (c *cloner) says(name, reason, words string) {
	c.t.Helper()
	c.until(name+" to be "+reason+": "+words, func() (bool, string) {
		ready := meta.FindStatusCondition(c.status(name).Status.Conditions, v1alpha1.ReadyCondition)
		if ready == nil {
			return false, "nothing"
		}
		return ready.Status == metav1.ConditionFalse && ready.Reason == reason && strings.Contains(ready.Message, words), ready.Reason + ": " + ready.Message
	})
}

// A policy that names a Secret which is not there says by which field, though none of its images is used, and harms no other; its
// coming is enough.
func TestPolicyLacksSecret(t *testing.T) {
	c := newPolicies(t)
	contract.Push(t, c.hub.URL, "library/redis:7", two(t, "redis"))
	c.policy("corp", "")
	c.policy("bad", `  priority: 9
  sources: [{host: quay.io, auth: {secretRef: {name: later}}}]`)
	c.amend("bad", `{"match":{"images":{"include":["quay.io/**"]}}}`)
	c.deploy("web", "redis:7")
	c.run()
	field := "spec.sources[0].auth: there is no Secret " + c.ns + "/later"
	c.says("bad", v1alpha1.SecretNotFoundReason, field)
	c.untilImages("web", corp+"/docker.io/library/redis:7")
	c.ready("corp", v1alpha1.ReadyReason)
	secret := func(kind, data string) {
		c.apply(`{apiVersion: v1, kind: Secret, metadata: {name: later}, type: ` + kind + `, stringData: ` + data + `}`)
	}
	gone := func() {
		if err := c.client.Resource(corev1.SchemeGroupVersion.WithResource("secrets")).Namespace(c.ns).Delete(t.Context(), "later", metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	secret("Opaque", "{a: canary}")
	c.says("bad", v1alpha1.SecretInvalidReason, "spec.sources[0].auth")
	gone()
	c.says("bad", v1alpha1.SecretNotFoundReason, field)
	secret("kubernetes.io/basic-auth", "{username: a, password: canary}")
	c.ready("bad", v1alpha1.ReadyReason)
	gone()
	c.says("bad", v1alpha1.SecretNotFoundReason, field)
	c.ready("corp", v1alpha1.ReadyReason)
	if raw := fmt.Sprintf("%+v", c.status("bad").Status); strings.Contains(raw, "canary") {
		t.Errorf("the status holds a Secret: %s", raw)
	}
}

// What another controller owns is copied and left, and its policy says so; a policy that includes such objects rewrites them.
func TestPolicyOwnedWorkload(t *testing.T) {
	c := newPolicies(t)
	c.haveTrials()
	digest := contract.Push(t, c.hub.URL, "library/redis:7", two(t, "redis"))
	c.apply("{apiVersion: runs.rhumb.test/v1, kind: Trial, metadata: {name: cache}, spec: {text: x}}")
	owner, err := c.trials().Get(t.Context(), "cache", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	owned := fmt.Sprintf("ownerReferences: [{apiVersion: runs.rhumb.test/v1, kind: Trial, name: cache, uid: %s, controller: true}]", owner.GetUID())
	c.apply(fmt.Sprintf(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, %s}
spec:
  selector: {matchLabels: {app: web}}
  template: {metadata: {labels: {app: web}}, spec: {containers: [{name: c0, image: "redis:7"}]}}`, owned))
	c.policy("corp", "  rewrite: {strategy: Workload}")
	c.run()
	c.record(redis, v1alpha1.StateReady)
	c.has("mirror/docker.io/library/redis", digest)
	want := v1alpha1.LeftWorkload{Object: "Deployment " + c.ns + "/web", Reason: "Owned", Message: "Trial/cache made it, and would put the original back"}
	c.until("the policy to tell what it left", func() (bool, string) {
		left := c.status("corp").Status.Left
		return slices.Equal(left, []v1alpha1.LeftWorkload{want}), fmt.Sprint(left)
	})
	c.ready("corp", v1alpha1.ReadyReason)
	if got := c.get("web"); c.images("web")[0] != "redis:7" || got.GetGeneration() != 1 {
		t.Errorf("it was changed: %v", got.Object["spec"])
	}
	for _, w := range c.calls.take() {
		if strings.HasSuffix(w, "/deployments/web") {
			t.Errorf("it was written: %s", w)
		}
	}
	c.amend("corp", `{"match":{"ownedWorkloads":"Include"}}`)
	c.untilImages("web", corp+"/docker.io/library/redis:7")
	c.until("nothing to be left", func() (bool, string) {
		left := c.status("corp").Status.Left
		return len(left) == 0, fmt.Sprint(left)
	})
}

// A kind is told by its group as well: what somebody's own Deployment made is a pod that no Deployment made.
func TestPolicyOtherDeployment(t *testing.T) {
	c := newPolicies(t)
	contract.Push(t, c.hub.URL, "library/redis:7", two(t, "redis"))
	contract.Push(t, c.quay.URL, "team/app:1", two(t, "app"))
	c.policy("corp", "")
	c.amend("corp", `{"match":{"kinds":["Pod"]}}`)
	pod := `
apiVersion: v1
kind: Pod
metadata: {name: %s, labels: {pod-template-hash: "5d4f"}, ownerReferences: [{apiVersion: %s, kind: %s, name: web-5d4f, uid: u, controller: true}]}
spec: {containers: [{name: a, image: "%s"}]}`
	c.deploy("theirs", "quay.io/team/app:1")
	c.apply(fmt.Sprintf(pod, "of-kubernetes", "apps/v1", "StatefulSet", "quay.io/team/app:1"))
	c.apply(fmt.Sprintf(pod, "set", "example.com/v1", "ReplicaSet", "redis:7"))
	c.apply(fmt.Sprintf(pod, "deployed", "example.com/v1", "Deployment", "redis:7"))
	c.quay.Forget()
	c.run()
	c.until("both pods to be for the policy", func() (bool, string) {
		users := c.record(redis, v1alpha1.StateReady).Status.Users
		return users.Count == 2, fmt.Sprint(users)
	})
	c.until("nothing else to be", func() (bool, string) {
		s := c.status("corp").Status.Images
		return s.Desired == 1, fmt.Sprintf("%+v", s)
	})
	if asked := c.quay.Asked(); len(asked) > 0 {
		t.Errorf("pods of Kubernetes' own kinds are none of its: %q", asked)
	}
}
