// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"rhumb.run/rhumb/api/rhumb/v1alpha1"
	"rhumb.run/rhumb/internal/registry/contract"
)

const corp = "registry.corp/mirror"

// newPolicies is a cloner that does what policies say, and nothing by its environment.
func newPolicies(t *testing.T) *cloner {
	t.Helper()
	return policiesOn(t, newBed(t))
}

func policiesOn(t *testing.T, b *bed) *cloner {
	t.Helper()
	c := clonerOn(t, b)
	c.env = nil
	c.store = memory()
	c.target = contract.NewFront(t, refuses("testpass", c.store))
	c.alone = "imagecloner,-admission"
	c.sweep = 100 * time.Millisecond
	c.flags = append(c.flags, "--leader-elect-namespace="+c.ns)
	c.reach(map[string]string{"docker.io": c.hub.URL, "quay.io": c.quay.URL, "registry.corp": c.target.URL})
	c.apply(`
apiVersion: v1
kind: Secret
metadata: {name: push}
type: kubernetes.io/basic-auth
stringData: {username: testuser, password: testpass}`)
	c.t.Cleanup(c.forget)
	return c
}

// forget leaves nothing to the next test: ImageClonePolicies and ClonedImages are of no namespace.
func (c *cloner) forget() {
	for _, r := range []string{"imageclonepolicies", "clonedimages"} {
		all := c.client.Resource(v1alpha1.SchemeGroupVersion.WithResource(r))
		list, err := all.List(context.Background(), metav1.ListOptions{})
		if err != nil {
			c.t.Error(err)
			return
		}
		for _, o := range list.Items {
			if policy, _, _ := unstructured.NestedString(o.Object, "spec", "policy"); strings.HasSuffix(o.GetName(), c.ns) || strings.HasSuffix(policy, c.ns) {
				_ = all.Delete(context.Background(), o.GetName(), metav1.DeleteOptions{})
			}
		}
	}
}

// policy applies an ImageClonePolicy for this bed's namespace alone; more is YAML of its spec.
func (c *cloner) policy(name, more string) {
	c.t.Helper()
	c.apply(fmt.Sprintf(`
apiVersion: rhumb.run/v1alpha1
kind: ImageClonePolicy
metadata: {name: %s-NS}
spec:
  match: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: NS}}}
  target: {pullName: %s, push: {auth: {secretRef: {name: push}}}}
%s`, name, corp, more))
}

func (c *cloner) status(name string) v1alpha1.ImageClonePolicy {
	c.t.Helper()
	u, err := c.client.Resource(v1alpha1.SchemeGroupVersion.WithResource("imageclonepolicies")).Get(c.t.Context(), name+"-"+c.ns, metav1.GetOptions{})
	if err != nil {
		c.t.Fatal(err)
	}
	var out v1alpha1.ImageClonePolicy
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, &out); err != nil {
		c.t.Fatal(err)
	}
	return out
}

// ready waits until a policy says why it is ready, or not.
func (c *cloner) ready(name, reason string) {
	c.t.Helper()
	c.until(name+" to be "+reason, func() (bool, string) {
		last := c.status(name)
		i := slices.IndexFunc(last.Status.Conditions, func(x metav1.Condition) bool { return x.Type == v1alpha1.ReadyCondition })
		raw, _ := json.Marshal(last.Status)
		return i >= 0 && last.Status.Conditions[i].Reason == reason, string(raw)
	})
}

// record waits for the ClonedImage of an image to be in a state.
func (c *cloner) record(origin string, state v1alpha1.CloneState) v1alpha1.ClonedImage {
	c.t.Helper()
	var out v1alpha1.ClonedImage
	c.until(fmt.Sprintf("the copy of %s to be %s", origin, state), func() (bool, string) {
		list, err := c.client.Resource(v1alpha1.SchemeGroupVersion.WithResource("clonedimages")).List(c.t.Context(), metav1.ListOptions{})
		if err != nil {
			return false, err.Error()
		}
		seen := ""
		for _, u := range list.Items {
			out = v1alpha1.ClonedImage{}
			if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, &out); err != nil || !strings.HasSuffix(out.Spec.Policy, c.ns) {
				continue
			}
			raw, _ := json.Marshal(out)
			seen += string(raw) + "\n"
			if out.Spec.Origin == origin && out.Status.State == state {
				return true, ""
			}
		}
		return false, seen
	})
	return out
}

// Templates of every kind that has one, and what is written down of a copy.
func TestPolicyRewrites(t *testing.T) {
	c := newPolicies(t)
	digest := contract.Push(t, c.hub.URL, "library/redis:7", two(t, "redis"))
	c.policy("corp", "")
	c.deploy("web", "redis:7")
	for kind, spec := range map[string]string{
		"StatefulSet": "serviceName: x, ", "DaemonSet": "",
	} {
		c.apply(fmt.Sprintf(`
apiVersion: apps/v1
kind: %s
metadata: {name: web}
spec: {%sselector: {matchLabels: {app: s}}, template: {metadata: {labels: {app: s}}, spec: {containers: [{name: c0, image: "redis:7"}]}}}`, kind, spec))
	}
	c.apply(`
apiVersion: batch/v1
kind: CronJob
metadata: {name: web}
spec: {schedule: "0 0 1 1 *", jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: c0, image: "redis:7"}]}}}}}`)
	c.apply(`
apiVersion: batch/v1
kind: Job
metadata: {name: web}
spec: {template: {spec: {restartPolicy: Never, containers: [{name: c0, image: "redis:7"}]}}}`)
	c.run()
	want := corp + "/docker.io/library/redis:7"
	c.untilImages("web", want)
	for resource, path := range map[string][]string{
		"statefulsets": {"spec", "template", "spec", "containers"}, "daemonsets": {"spec", "template", "spec", "containers"},
		"cronjobs": {"spec", "jobTemplate", "spec", "template", "spec", "containers"},
	} {
		c.until(resource+" to use the copy", func() (bool, string) {
			containers, _, _ := unstructured.NestedSlice(c.object(resource, "web").Object, path...)
			got := fmt.Sprint(containers)
			return strings.Contains(got, want), got
		})
	}
	if containers, _, _ := unstructured.NestedSlice(c.object("jobs", "web").Object, "spec", "template", "spec", "containers"); strings.Contains(fmt.Sprint(containers), want) {
		t.Error("a Job's template can't be changed, and was")
	}
	record := c.record("docker.io/library/redis:7", v1alpha1.StateReady)
	if s := record.Status; s.Digest != digest || s.SourceDigest != digest || s.Users.Count < 4 || record.Spec.Target != want || s.Bytes.Copied == 0 {
		t.Errorf("it says %+v of %+v", s, record.Spec)
	}
	c.until("the policy to count it", func() (bool, string) {
		s := c.status("corp").Status
		return s.Images == v1alpha1.ImageCounts{Desired: 1, Ready: 1}, fmt.Sprintf("%+v", s)
	})
	c.ready("corp", v1alpha1.ReadyReason)
	// Two configs, two layers, two manifests, the index, its tag and its anchor.
	asked := c.target.Asked()
	if puts := contract.Count(asked, http.MethodPut); puts != 9 {
		t.Errorf("one image of five objects was put with %d requests: %q", puts, asked)
	}
}

func (c *cloner) object(resource, name string) *unstructured.Unstructured {
	c.t.Helper()
	gv := "apps"
	if resource == "cronjobs" || resource == "jobs" {
		gv = "batch"
	}
	o, err := c.client.Resource(schema.GroupVersionResource{Group: gv, Version: "v1", Resource: resource}).Namespace(c.ns).Get(c.t.Context(), name, metav1.GetOptions{})
	if err != nil {
		c.t.Fatal(err)
	}
	return o
}

// A policy that only says what it would do.
func TestPolicyDryRun(t *testing.T) {
	c := newPolicies(t)
	contract.Push(t, c.hub.URL, "library/redis:7", two(t, "redis"))
	c.policy("corp", "  dryRun: true")
	c.deploy("web", "redis:7")
	c.hub.Asked()
	c.run()
	want := v1alpha1.PlannedRewrite{Object: "Deployment " + c.ns + "/web", Container: "c0", From: "redis:7", To: corp + "/docker.io/library/redis:7"}
	c.until("a plan", func() (bool, string) {
		s := c.status("corp").Status
		return slices.Contains(s.Planned, want), fmt.Sprint(s.Planned)
	})
	c.ready("corp", v1alpha1.DryRunReason)
	if asked := append(c.hub.Asked(), c.target.Asked()...); len(asked) > 0 {
		t.Errorf("it asked %q", asked)
	}
	for _, w := range c.calls.take() {
		if !strings.HasSuffix(w, "/status") {
			t.Errorf("it wrote %s", w)
		}
	}
}

// Of two policies the higher decides, and the other says so.
func TestPolicyPriority(t *testing.T) {
	c := newPolicies(t)
	contract.Push(t, c.hub.URL, "library/redis:7", two(t, "redis"))
	c.policy("low", "  priority: 1")
	c.policy("high", "  priority: 2\n  rewrite: {strategy: None}")
	c.deploy("web", "redis:7")
	c.run()
	c.record("docker.io/library/redis:7", v1alpha1.StateReady)
	c.until("the loser to say so", func() (bool, string) {
		s := c.status("low").Status
		return slices.Equal(s.OverruledBy, []string{"high-" + c.ns}) && s.Images.Overruled == 1, fmt.Sprintf("%+v", s)
	})
	if got := c.images("web"); got[0] != "redis:7" {
		t.Errorf("strategy None only copies: %q", got)
	}
}

// A Secret that is missing is told of, and its coming is enough.
func TestPolicySecretLater(t *testing.T) {
	c := newPolicies(t)
	contract.Push(t, c.hub.URL, "library/redis:7", two(t, "redis"))
	c.apply(fmt.Sprintf(`
apiVersion: rhumb.run/v1alpha1
kind: ImageClonePolicy
metadata: {name: corp-NS}
spec:
  match: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: NS}}}
  target: {pullName: %s, push: {auth: {secretRef: {name: later}}}}`, corp))
	c.deploy("web", "redis:7")
	c.run()
	record := c.record("docker.io/library/redis:7", v1alpha1.StateFailed)
	if s := record.Status; s.Reason != v1alpha1.SecretNotFoundReason || !strings.Contains(s.Message, "later") {
		t.Errorf("it says %+v", s)
	}
	c.says("corp", v1alpha1.SecretNotFoundReason, "spec.target.push.auth: there is no Secret "+c.ns+"/later")
	c.apply(`
apiVersion: v1
kind: Secret
metadata: {name: later}
type: kubernetes.io/basic-auth
stringData: {username: testuser, password: testpass}`)
	c.untilImages("web", corp+"/docker.io/library/redis:7")
	c.ready("corp", v1alpha1.ReadyReason)
}

// A restart with what is there asks nobody's registry and writes nothing.
func TestPolicyRestart(t *testing.T) {
	c := newPolicies(t)
	contract.Push(t, c.hub.URL, "library/redis:7", two(t, "redis"))
	c.policy("corp", "")
	c.deploy("web", "redis:7")
	stop := c.run()
	c.untilImages("web", corp+"/docker.io/library/redis:7")
	c.ready("corp", v1alpha1.ReadyReason)
	c.record("docker.io/library/redis:7", v1alpha1.StateReady)
	stop()
	c.hub.Asked()
	c.target.Asked()
	c.calls.take()
	c.run()
	contract.Push(t, c.hub.URL, "library/later:1", two(t, "later"))
	c.hub.Asked()
	c.deploy("later", "later:1")
	c.untilImages("later", corp+"/docker.io/library/later:1")
	for _, asked := range c.hub.Asked() {
		if strings.Contains(asked, "redis") {
			t.Errorf("the source of what is there was asked: %s", asked)
		}
	}
	for _, asked := range c.target.Asked() {
		if strings.Contains(asked, "redis") && !strings.HasPrefix(asked, http.MethodHead) {
			t.Errorf("a copy that is there was sent again: %s", asked)
		}
	}
	for _, w := range c.calls.take() {
		if strings.HasSuffix(w, "/web") || strings.Contains(w, "redis") {
			t.Errorf("it wrote %s", w)
		}
	}
}

// Many objects, one copy, and never more rollouts at once than the policy lets.
func TestPolicyRollouts(t *testing.T) {
	c := newPolicies(t)
	contract.Push(t, c.hub.URL, "library/redis:7", two(t, "redis"))
	const many, most = 8, 2
	for i := range many {
		c.deploy(fmt.Sprint("web-", i), "redis:7")
	}
	for i := range many {
		c.settled(fmt.Sprint("web-", i))
	}
	c.asleep.Store(true)
	c.hub.Asked()
	c.policy("corp", fmt.Sprintf("  rewrite: {maxConcurrentRollouts: %d}", most))
	c.run()
	changed := func() (names []string) {
		for i := range many {
			if name := fmt.Sprint("web-", i); c.images(name)[0] != "redis:7" {
				names = append(names, name)
			}
		}
		return names
	}
	c.until("the first rollouts", func() (bool, string) { got := changed(); return len(got) == most, fmt.Sprint(got) })
	c.deploy("later", "not an image") // what comes after it in the queue is seen to
	c.touch("web-0", "1")
	if got := changed(); len(got) != most {
		t.Errorf("%d roll out at once: %q", len(got), got)
	}
	c.asleep.Store(false)
	c.until("all of them", func() (bool, string) { got := changed(); return len(got) == many, fmt.Sprint(got) })
	asked := c.hub.Asked()
	heads := slices.DeleteFunc(slices.Clone(asked), func(s string) bool { return s != "HEAD /v2/library/redis/manifests/7" })
	if len(heads) != 1 {
		t.Errorf("%d objects of one image asked its registry %d times: %q, and the target %q", many, len(heads), asked, c.target.Asked())
	}
}

// A copy goes when nobody uses it any more, and the version for a rollback is a use.
func TestPolicyCleanup(t *testing.T) {
	c := newPolicies(t)
	contract.Push(t, c.hub.URL, "library/redis:7", two(t, "redis"))
	contract.Push(t, c.hub.URL, "library/redis:8", two(t, "redis 8"))
	c.policy("corp", "  cleanup: {enabled: true, retention: 0s}")
	c.deploy("web", "redis:7")
	c.run()
	old := corp + "/docker.io/library/redis:7"
	c.untilImages("web", old)
	c.settled("web")
	if _, err := c.deployments().Patch(t.Context(), "web", types.StrategicMergePatchType,
		[]byte(`{"spec":{"template":{"spec":{"containers":[{"name":"c0","image":"redis:8"}]}}}}`), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	c.untilImages("web", corp+"/docker.io/library/redis:8")
	c.settled("web")
	c.record("docker.io/library/redis:7", v1alpha1.StateReady)
	if slices.ContainsFunc(c.target.Asked(), func(s string) bool { return strings.HasPrefix(s, http.MethodDelete) }) {
		t.Error("a rollback has nothing to go back to")
	}
	if err := c.deployments().Delete(t.Context(), "web", metav1.DeleteOptions{PropagationPolicy: new(metav1.DeletePropagationBackground)}); err != nil {
		t.Fatal(err)
	}
	c.until("the tags to be deleted", func() (bool, string) {
		list, err := c.client.Resource(v1alpha1.SchemeGroupVersion.WithResource("clonedimages")).List(t.Context(), metav1.ListOptions{})
		if err != nil {
			return false, err.Error()
		}
		left := slices.DeleteFunc(list.Items, func(u unstructured.Unstructured) bool { return !strings.Contains(fmt.Sprint(u.Object), c.ns) })
		return len(left) == 0, fmt.Sprint(left)
	})
	deleted := slices.DeleteFunc(c.target.Asked(), func(s string) bool { return !strings.HasPrefix(s, http.MethodDelete) })
	slices.Sort(deleted)
	for _, d := range deleted {
		if strings.Contains(d, "sha256:") {
			t.Errorf("%s takes other tags of the same image with it", d)
		}
	}
	if len(deleted) < 2 {
		t.Errorf("deleted were %q", deleted)
	}
}
