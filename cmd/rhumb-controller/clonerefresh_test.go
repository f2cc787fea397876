// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrlmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"

	"rhumb.run/rhumb/api/rhumb/v1alpha1"
	"rhumb.run/rhumb/internal/core/clone"
	"rhumb.run/rhumb/internal/registry/contract"
)

const redis = "docker.io/library/redis:7"

// amend changes the spec of a policy.
func (c *cloner) amend(name, spec string) {
	c.t.Helper()
	_, err := c.client.Resource(v1alpha1.SchemeGroupVersion.WithResource("imageclonepolicies")).
		Patch(c.t.Context(), name+"-"+c.ns, types.MergePatchType, []byte(`{"spec":`+spec+`}`), metav1.PatchOptions{})
	if err != nil {
		c.t.Fatal(err)
	}
}

// A tag that somebody else moved is told of and left, and taken back where the policy says so.
func TestPolicyDrift(t *testing.T) {
	c := newPolicies(t)
	ours := contract.Push(t, c.hub.URL, "library/redis:7", two(t, "redis"))
	c.policy("corp", "")
	c.deploy("web", "redis:7")
	c.run()
	c.untilImages("web", corp+"/docker.io/library/redis:7")
	c.record(redis, v1alpha1.StateReady)
	theirs := contract.Push(t, c.target.URL, "mirror/docker.io/library/redis:7", two(t, "theirs"),
		remote.WithAuth(&authn.Basic{Username: "testuser", Password: "testpass"}))
	c.amend("corp", `{"copy":{"referrers":false}}`)
	if s := c.record(redis, v1alpha1.StateDrifted).Status; !strings.Contains(s.Message, theirs) {
		t.Errorf("it says %q", s.Message)
	}
	if got := c.tag("mirror/docker.io/library/redis", "7"); got != theirs {
		t.Errorf("the tag was moved to %s", got)
	}
	c.amend("corp", `{"copy":{"overwrite":true}}`)
	c.record(redis, v1alpha1.StateReady)
	if got := c.tag("mirror/docker.io/library/redis", "7"); got != ours {
		t.Errorf("the tag is %s, and not ours again", got)
	}
}

// tag is what a tag of the target stands for, asked behind everybody's back.
func (c *cloner) tag(repository, tag string) string {
	c.t.Helper()
	w := httptest.NewRecorder()
	c.store.ServeHTTP(w, httptest.NewRequest(http.MethodHead, "/v2/"+repository+"/manifests/"+tag, nil))
	return w.Header().Get("Docker-Content-Digest")
}

// An image that is gone from its own registry is told of; its copy stays, and is used.
func TestPolicySourceGone(t *testing.T) {
	c := newPolicies(t)
	contract.Push(t, c.hub.URL, "library/redis:7", two(t, "redis"))
	c.policy("corp", "")
	c.deploy("web", "redis:7")
	c.run()
	c.untilImages("web", corp+"/docker.io/library/redis:7")
	c.record(redis, v1alpha1.StateReady)
	c.hub.Fault(func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { w.WriteHeader(http.StatusNotFound) })
	c.amend("corp", `{"copy":{"referrers":false}}`)
	c.until("the source to be missed", func() (bool, string) {
		s := c.record(redis, v1alpha1.StateReady).Status
		return meta.IsStatusConditionFalse(s.Conditions, v1alpha1.SourceAvailableCondition) && s.Reason == v1alpha1.SourceNotFoundReason, fmt.Sprintf("%+v", s)
	})
	c.amend("corp", `{"copy":{"referrers":true}}`) // it is looked for once more
	c.hub.Forget()
	c.until("the source to be asked again", func() (bool, string) { return len(c.hub.Requests()) > 0, "" })
	c.deploy("later", "redis:7")
	c.untilImages("later", corp+"/docker.io/library/redis:7")
	var told []string
	for line := range strings.Lines(c.said.String()) {
		if strings.Contains(line, "Event occurred") && strings.Contains(line, v1alpha1.SourceNotFoundReason) {
			told = append(told, line)
		}
	}
	if len(told) != 1 {
		t.Errorf("want one event: %q", told)
	}
	if got := availableAt(t, redis); got["source"] != 0 || got["target"] != 1 {
		t.Errorf("metrics say that it is available: %v", got)
	}
}

// availableAt is what metrics say of an image's two sides.
func availableAt(t *testing.T, image string) map[string]float64 {
	t.Helper()
	families, err := ctrlmetrics.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]float64{}
	for _, f := range families {
		if f.GetName() != "rhumb_image_available" {
			continue
		}
		for _, m := range f.GetMetric() {
			if l := m.GetLabel(); l[0].GetValue() == image {
				out[l[1].GetValue()] = m.GetGauge().GetValue()
			}
		}
	}
	return out
}

// Copies are pushed to one address, and called by another.
func TestPolicyPushEndpoint(t *testing.T) {
	c := newPolicies(t)
	c.reach(map[string]string{"docker.io": c.hub.URL, "registry.internal:5000": c.target.URL})
	digest := contract.Push(t, c.hub.URL, "library/redis:7", two(t, "redis"))
	c.policy("corp", "")
	c.amend("corp", `{"target":{"pushEndpoint":"registry.internal:5000"}}`)
	c.deploy("web", "redis:7")
	c.run()
	c.untilImages("web", corp+"/docker.io/library/redis:7")
	c.has("mirror/docker.io/library/redis", digest)
}

// A policy that moves has originals copied to its new target, and forgets none of them.
func TestPolicyTargetMoves(t *testing.T) {
	c := newPolicies(t)
	contract.Push(t, c.hub.URL, "library/redis:7", two(t, "redis"))
	c.policy("corp", "")
	c.deploy("web", "redis:7")
	c.run()
	c.untilImages("web", corp+"/docker.io/library/redis:7")
	c.amend("corp", `{"target":{"pullName":"registry.corp/new"}}`)
	c.untilImages("web", "registry.corp/new/docker.io/library/redis:7")
	if got := c.get("web").GetAnnotations()[clone.OriginalsAnnotation]; got != `{"c0":"redis:7"}` {
		t.Errorf("the original is %s", got)
	}
}

// A policy that can't be followed says so and harms no other, and two that mirror each other copy no copies.
func TestPolicyBadAndMirrored(t *testing.T) {
	c := newPolicies(t)
	contract.Push(t, c.hub.URL, "library/redis:7", two(t, "redis"))
	c.apply(`
apiVersion: rhumb.run/v1alpha1
kind: ImageClonePolicy
metadata: {name: bad-NS}
spec:
  priority: 9
  match: {namespaceSelector: {matchExpressions: [{key: a, operator: Sometimes}]}}
  target: {pullName: registry.corp/bad}`)
	c.policy("corp", "")
	c.apply(`
apiVersion: rhumb.run/v1alpha1
kind: ImageClonePolicy
metadata: {name: back-NS}
spec:
  match:
    namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: NS}}
    images: {include: ["registry.corp/mirror/**"]}
  target: {pullName: registry.corp/back, push: {auth: {secretRef: {name: push}}}}`)
	c.deploy("web", "redis:7")
	c.run()
	c.untilImages("web", corp+"/docker.io/library/redis:7")
	c.says("bad", v1alpha1.InvalidPolicyReason, "spec.match.namespaceSelector: ")
	c.record(redis, v1alpha1.StateReady)
	c.settled("web")
	if got := c.images("web"); got[0] != corp+"/docker.io/library/redis:7" || c.tag("back/registry.corp/mirror/docker.io/library/redis", "7") != "" {
		t.Errorf("a copy was copied: %q", got)
	}
}

// A copy that nobody uses is kept for as long as its policy says, and so is a tag that is another image by then.
func TestPolicyRetention(t *testing.T) {
	c := newPolicies(t)
	contract.Push(t, c.hub.URL, "library/redis:7", two(t, "redis"))
	c.policy("corp", "  cleanup: {enabled: true, retention: 1h}")
	c.deploy("web", "redis:7")
	c.run()
	c.untilImages("web", corp+"/docker.io/library/redis:7")
	c.record(redis, v1alpha1.StateReady)
	if err := c.deployments().Delete(t.Context(), "web", metav1.DeleteOptions{PropagationPolicy: new(metav1.DeletePropagationBackground)}); err != nil {
		t.Fatal(err)
	}
	if s := c.record(redis, v1alpha1.StateUnused).Status; s.UnusedSince == nil {
		t.Errorf("it says %+v", s)
	}
	const repository = "mirror/docker.io/library/redis"
	theirs := contract.Push(t, c.target.URL, repository+":7", two(t, "theirs"), remote.WithAuth(&authn.Basic{Username: "testuser", Password: "testpass"}))
	c.target.Forget()
	// A pass that follows another copy's end has seen this one, too.
	contract.Push(t, c.hub.URL, "library/redis:8", two(t, "redis 8"))
	c.deploy("later", "redis:8")
	c.untilImages("later", corp+"/docker.io/library/redis:8")
	if err := c.deployments().Delete(t.Context(), "later", metav1.DeleteOptions{PropagationPolicy: new(metav1.DeletePropagationBackground)}); err != nil {
		t.Fatal(err)
	}
	c.record("docker.io/library/redis:8", v1alpha1.StateUnused)
	if deleted := contract.Count(c.target.Asked(), http.MethodDelete); deleted > 0 {
		t.Errorf("%d tags were deleted before their time", deleted)
	}
	c.amend("corp", `{"cleanup":{"retention":"0s"}}`)
	c.until("nothing to be written down of them", func() (bool, string) { got := c.recorded(); return len(got) == 0, fmt.Sprint(got) })
	if got := c.tag(repository, "7"); got != theirs {
		t.Errorf("somebody else's tag is %q", got)
	}
	if got := c.tags(repository); strings.Contains(got, `"8"`) {
		t.Errorf("ours are still there: %s", got)
	}
}
