// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"rhumb.run/rhumb/api/rhumb/v1alpha1"
	"rhumb.run/rhumb/internal/registry/contract"
	"rhumb.run/rhumb/internal/testkit/controlplane"
)

// pullSecret is what a namespace's Secret "pull" says; empty if there is none.
func (c *cloner) pullSecret(ns string) string {
	c.t.Helper()
	u, err := c.client.Resource(corev1.SchemeGroupVersion.WithResource("secrets")).Namespace(ns).Get(c.t.Context(), "pull", metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return ""
	}
	if err != nil {
		c.t.Fatal(err)
	}
	text, _, _ := unstructured.NestedString(u.Object, "data", corev1.DockerConfigJsonKey)
	return text
}

func (c *cloner) untilPull(ns, want string) {
	c.t.Helper()
	c.until("the pull secret of "+ns, func() (bool, string) { got := c.pullSecret(ns); return got == want, got })
}

func pullText(ns, data string) string {
	return fmt.Sprintf("{apiVersion: v1, kind: Secret, metadata: {name: pull, namespace: %s}, type: kubernetes.io/dockerconfigjson, data: {.dockerconfigjson: %s}}", ns, data)
}

// What the pull secret holds, in the course of time, and what somebody else's of that name does.
const first, second, theirs = "e30=", "eyJhdXRocyI6e319", "eyJhdXRocyI6IHt9fQ=="

// inject applies a policy that copies the pull secret to those of some namespaces that need it.
func (c *cloner) inject(namespaces ...string) {
	c.t.Helper()
	c.further = namespaces
	c.apply(fmt.Sprintf(`
apiVersion: rhumb.run/v1alpha1
kind: ImageClonePolicy
metadata: {name: corp-NS}
spec:
  match: {namespaceSelector: {matchExpressions: [{key: kubernetes.io/metadata.name, operator: In, values: [%s]}]}}
  target: {pullName: %s, push: {auth: {secretRef: {name: push}}}, pull: {auth: {secretRef: {name: pull}}, inject: true}}`,
		strings.Join(namespaces, ", "), corp))
}

// needs makes a Deployment that uses an image, in some namespace.
func (c *cloner) needs(ns string) {
	c.t.Helper()
	c.asIs(fmt.Sprintf(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: %s}
spec:
  selector: {matchLabels: {app: web}}
  template: {metadata: {labels: {app: web}}, spec: {containers: [{name: c0, image: "redis:7"}]}}`, ns))
}

// leaves takes that away again, with its pods.
func (c *cloner) leaves(ns string) {
	c.t.Helper()
	of := c.client.Resource(appsv1.SchemeGroupVersion.WithResource("deployments")).Namespace(ns)
	if err := of.Delete(c.t.Context(), "web", metav1.DeleteOptions{PropagationPolicy: new(metav1.DeletePropagationForeground)}); err != nil {
		c.t.Fatal(err)
	}
	c.until("nothing is left in "+ns, func() (bool, string) {
		_, err := of.Get(c.t.Context(), "web", metav1.GetOptions{})
		return apierrors.IsNotFound(err), fmt.Sprint(err)
	})
}

// injected waits until the policy says how the pull secret's copies are.
func (c *cloner) injected(reason, words string) {
	c.t.Helper()
	c.until("the pull secret to be "+reason, func() (bool, string) {
		x := meta.FindStatusCondition(c.status("corp").Status.Conditions, v1alpha1.PullSecretInjectedCondition)
		if x == nil {
			return false, "nothing"
		}
		return x.Reason == reason && strings.Contains(x.Message, words), x.Reason + ": " + x.Message
	})
}

// The pull secret is where it is needed and nowhere else, stays equal, and goes with the need or the policy; what is somebody's
// stays.
func TestPolicyInjectsPullSecret(t *testing.T) {
	c := newPolicies(t)
	one, another, third := controlplane.Namespace(t), controlplane.Namespace(t), controlplane.Namespace(t)
	has, idle := controlplane.Namespace(t), controlplane.Namespace(t)
	c.asIs(pullText(c.ns, first))
	c.asIs(pullText(has, theirs))
	contract.Push(t, c.hub.URL, "library/redis:7", two(t, "redis"))
	for _, ns := range []string{one, another, third, has} {
		c.needs(ns)
	}
	c.inject(one, another, third, has, idle)
	stop := c.run()
	for _, ns := range []string{one, another, third} {
		c.untilPull(ns, first)
	}
	c.injected(v1alpha1.SecretNotOursReason, has+"/pull")
	c.asIs(pullText(c.ns, second))
	for _, ns := range []string{one, another, third} {
		c.untilPull(ns, second)
	}
	if got := c.pullSecret(idle); got != "" {
		t.Errorf("nobody there needs it: %s", got)
	}

	c.leaves(another)
	c.leaves(has)
	c.untilPull(another, "")
	c.injected(v1alpha1.InjectedReason, "")
	stop()
	c.leaves(third)
	c.run()
	c.untilPull(third, "")
	if got := c.pullSecret(one); got != second {
		t.Errorf("it was taken from those who need it: %q", got)
	}

	policies := c.client.Resource(v1alpha1.SchemeGroupVersion.WithResource("imageclonepolicies"))
	if err := policies.Delete(t.Context(), "corp-"+c.ns, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	c.untilPull(one, "")
	if got := c.pullSecret(has); got != theirs {
		t.Errorf("somebody else's Secret is %q", got)
	}
	if w := c.calls.take(); slices.ContainsFunc(w, func(s string) bool { return strings.Contains(s, has+"/secrets") }) {
		t.Errorf("somebody else's Secret was written: %q", w)
	}
}

// A policy that only says what it would do, and one that cannot be followed, leave the copies where they are: pods pull with them.
func TestPolicyKeepsPullSecret(t *testing.T) {
	c := newPolicies(t)
	one := controlplane.Namespace(t)
	c.asIs(pullText(c.ns, first))
	contract.Push(t, c.hub.URL, "library/redis:7", two(t, "redis"))
	c.needs(one)
	c.inject(one)
	c.run()
	c.untilPull(one, first)
	c.injected(v1alpha1.InjectedReason, "")
	c.calls.take()
	for _, as := range []struct{ spec, reason string }{
		{`{"dryRun":true}`, v1alpha1.DryRunReason},
		{`{"dryRun":false,"match":{"namespaceSelector":{"matchExpressions":[{"key":"a","operator":"Sometimes"}]}}}`, v1alpha1.InvalidPolicyReason},
	} {
		c.amend("corp", as.spec)
		c.ready("corp", as.reason)
		for n := range 12 { // it takes two looks to take something away
			c.amend("corp", fmt.Sprintf(`{"rewrite":{"maxConcurrentRollouts":%d}}`, n+4))
			c.until("it is looked at", func() (bool, string) {
				o := c.status("corp")
				return o.Status.ObservedGeneration == o.Generation, fmt.Sprint(o.Generation)
			})
		}
		if got := c.pullSecret(one); got != first {
			t.Errorf("%s: it is %q", as.reason, got)
		}
	}
	if w := c.calls.take(); slices.ContainsFunc(w, func(s string) bool { return strings.Contains(s, "/secrets") }) {
		t.Errorf("Secrets were written: %q", w)
	}
}

// Where Secrets may not be written, the policy and an event name the right that is missing, and images are rewritten all the same.
func TestPolicyMayNotInject(t *testing.T) {
	c := newPolicies(t)
	home := controlplane.Namespace(t)
	c.limited(home)
	c.asIs(pullText(home, first))
	contract.Push(t, c.hub.URL, "library/redis:7", two(t, "redis"))
	c.needs(c.ns)
	c.inject(c.ns)
	c.run()
	c.injected(v1alpha1.InjectionForbiddenReason, "Secrets of namespace "+c.ns+" may not be written; bind the ClusterRole "+injectionRole)
	c.untilImages("web", corp+"/docker.io/library/redis:7")
	c.until("one event to say so", func() (bool, string) {
		told := c.warnings(c.status("corp").UID)
		return len(told) == 1 && strings.HasPrefix(told[0], v1alpha1.InjectionForbiddenReason+": "), fmt.Sprint(told)
	})
	if got := c.pullSecret(c.ns); got != "" {
		t.Errorf("it may not be there: %q", got)
	}
	c.grant(injectionRole)
	c.untilPull(c.ns, first)
	c.injected(v1alpha1.InjectedReason, "")
}

// Pods that are given copies as they are made are given the pull secret, and find it.
func TestPodsAreGivenPullSecret(t *testing.T) {
	d := newDoor(t)
	home := d.ns + "-home"
	d.asIs("{apiVersion: v1, kind: Namespace, metadata: {name: " + home + "}}")
	d.asIs("{apiVersion: v1, kind: Secret, metadata: {name: push, namespace: " + home + "}, type: kubernetes.io/basic-auth, stringData: {username: testuser, password: testpass}}")
	d.asIs(pullText(home, first))
	d.flags = append(d.flags, "--leader-elect-namespace="+home)
	contract.Push(t, d.hub.URL, "library/redis:7", two(t, "redis"))
	d.policy("corp", "")
	d.amend("corp", `{"target":{"pull":{"auth":{"secretRef":{"name":"pull"}},"inject":true}},"rewrite":{"strategy":"Admission"}}`)
	d.run()
	const copied = corp + "/docker.io/library/redis:7"
	d.until("a pod is given the copy", func() (bool, string) {
		given, why := d.pod("web", "redis:7")
		return given == copied, given + " " + why
	})
	d.untilPull(d.ns, first)
	pods, err := d.pods().List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, pod := range pods.Items {
		containers, _, _ := unstructured.NestedSlice(pod.Object, "spec", "containers")
		secrets, _, _ := unstructured.NestedSlice(pod.Object, "spec", "imagePullSecrets")
		if given := containers[0].(map[string]any)["image"] == copied; given != strings.Contains(fmt.Sprint(secrets), "name:pull") {
			t.Errorf("a pod of %v has the pull secrets %v", containers, secrets)
		}
	}
}
