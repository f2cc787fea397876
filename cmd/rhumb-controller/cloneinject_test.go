// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
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

// The pull secret is where it is needed and nowhere else, stays equal, and goes with the policy; what is somebody's stays.
func TestPolicyInjectsPullSecret(t *testing.T) {
	const first, second, theirs = "e30=", "eyJhdXRocyI6e319", "eyJhdXRocyI6IHt9fQ=="
	c := newPolicies(t)
	needs, has, idle := controlplane.Namespace(t), controlplane.Namespace(t), controlplane.Namespace(t)
	c.further = []string{needs, has, idle}
	c.asIs(pullText(c.ns, first))
	c.asIs(pullText(has, theirs))
	contract.Push(t, c.hub.URL, "library/redis:7", two(t, "redis"))
	for _, ns := range []string{needs, has} {
		c.asIs(fmt.Sprintf(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: %s}
spec:
  selector: {matchLabels: {app: web}}
  template: {metadata: {labels: {app: web}}, spec: {containers: [{name: c0, image: "redis:7"}]}}`, ns))
	}
	c.apply(fmt.Sprintf(`
apiVersion: rhumb.run/v1alpha1
kind: ImageClonePolicy
metadata: {name: corp-NS}
spec:
  match: {namespaceSelector: {matchExpressions: [{key: kubernetes.io/metadata.name, operator: In, values: [%s, %s, %s]}]}}
  target: {pullName: %s, push: {auth: {secretRef: {name: push}}}, pull: {auth: {secretRef: {name: pull}}, inject: true}}`, needs, has, idle, corp))
	c.run()
	c.untilPull(needs, first)
	c.until("the policy to tell what it left", func() (bool, string) {
		for _, x := range c.status("corp").Status.Conditions {
			if x.Type == v1alpha1.PullSecretInjectedCondition {
				return x.Reason == v1alpha1.SecretNotOursReason && strings.Contains(x.Message, has+"/pull"), x.Message
			}
		}
		return false, "nothing"
	})
	c.asIs(pullText(c.ns, second))
	c.untilPull(needs, second)
	if got := c.pullSecret(has); got != theirs {
		t.Errorf("somebody else's Secret became %s", got)
	}
	if got := c.pullSecret(idle); got != "" {
		t.Errorf("nobody there needs it: %s", got)
	}
	if err := c.client.Resource(v1alpha1.SchemeGroupVersion.WithResource("imageclonepolicies")).Delete(t.Context(), "corp-"+c.ns, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	c.untilPull(needs, "")
	if got := c.pullSecret(has); got != theirs {
		t.Errorf("somebody else's Secret went with the policy")
	}
	if w := c.calls.take(); slices.ContainsFunc(w, func(s string) bool { return strings.Contains(s, has+"/secrets") }) {
		t.Errorf("somebody else's Secret was written: %q", w)
	}
}
