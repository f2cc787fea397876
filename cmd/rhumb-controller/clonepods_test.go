// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	ctrlmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"

	"rhumb.run/rhumb/api/rhumb/v1alpha1"
	"rhumb.run/rhumb/internal/core/clone"
	"rhumb.run/rhumb/internal/registry/contract"
	"rhumb.run/rhumb/internal/testkit/controlplane"
)

// door is a cloner on a control plane of its own, whose API server asks about pods: there is one configuration for that.
type door struct{ *cloner }

func newDoor(t *testing.T) door {
	t.Helper()
	plane := controlplane.New(t)
	c := policiesOn(t, bedOn(t, plane.Config(), plane.Namespace(t)))
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	_ = listener.Close()
	c.alone, c.called = "imagecloner,admission", []string{"127.0.0.1"}
	c.flags = append(c.flags, "--webhook-bind-address="+address)
	d := door{c}
	d.asks(address)
	return d
}

// asks installs the configuration as it is shipped, but for the service: no pod serves here.
func (d door) asks(address string) {
	d.t.Helper()
	for _, u := range documents(d.t, "../../config/install/webhook-pods.yaml") {
		list, _, _ := unstructured.NestedSlice(u.Object, "webhooks")
		for _, w := range list {
			to := w.(map[string]any)["clientConfig"].(map[string]any)
			to["url"] = "https://" + address + to["service"].(map[string]any)["path"].(string)
			delete(to, "service")
		}
		if err := unstructured.SetNestedSlice(u.Object, list, "webhooks"); err != nil {
			d.t.Fatal(err)
		}
		d.send(u)
	}
}

// pod makes one, and says which image it was given and why.
func (d door) pod(name, image string) (given, why string) {
	d.t.Helper()
	d.until("pod "+name, func() (bool, string) {
		u := object(d.t, fmt.Sprintf("{apiVersion: v1, kind: Pod, metadata: {generateName: %s-, namespace: %s}, spec: {containers: [{name: a, image: %q}]}}", name, d.ns, image))
		made, err := d.client.Resource(corev1.SchemeGroupVersion.WithResource("pods")).Namespace(d.ns).Create(d.t.Context(), u, metav1.CreateOptions{})
		if err != nil { // the account of the namespace is made a moment later
			return false, err.Error()
		}
		list, _, _ := unstructured.NestedSlice(made.Object, "spec", "containers")
		given, why = list[0].(map[string]any)["image"].(string), made.GetAnnotations()["rhumb.run/image-clone-reason"]
		return true, ""
	})
	return given, why
}

// A bare pod is given the copy once that is there, and waits for nobody: not for its original's registry, which is not even
// asked; not for a target that does not answer; and not for us.
func TestPodsAreGivenCopies(t *testing.T) {
	d := newDoor(t)
	contract.Push(t, d.hub.URL, "library/redis:7", two(t, "redis"))
	d.policy("corp", "")
	stop := d.run()
	const copied = corp + "/docker.io/library/redis:7"
	d.until("a pod is let in as it is written", func() (bool, string) { // the first is what the image is heard of by
		given, why := d.pod("web", "redis:7")
		return given == "redis:7" && strings.HasPrefix(why, clone.ReasonCopying+": a: "), given + " " + why
	})
	record := d.record("docker.io/library/redis:7", v1alpha1.StateReady)

	d.hub.Fault(down)
	d.hub.Forget()
	d.until("a pod is given the copy", func() (bool, string) {
		given, why := d.pod("web", "redis:7")
		return given == copied, given + " " + why
	})
	if asked := d.hub.Asked(); len(asked) > 0 {
		t.Errorf("the original's registry was asked for a pod that is given a copy: %q", asked)
	}
	if given, why := d.pod("other", "never/seen:1"); given != "never/seen:1" || why == "" {
		t.Errorf("an image that nobody copied became %s, and why is %q", given, why)
	}
	d.hub.Fault(nil)
	d.mute(record.Name)

	stop()
	if given, why := d.pod("web", "redis:7"); given != "redis:7" || why != "" {
		t.Errorf("nobody is there to be asked, and the pod has %s: %q", given, why)
	}
}

// mute has the target answer no more, and the copy be seen long ago: a pod gets its original, at once, and that is counted.
func (d door) mute(record string) {
	d.t.Helper()
	d.target.Fault(func(_ http.ResponseWriter, r *http.Request, _ http.Handler) { <-r.Context().Done() })
	kept, late := measured(d.t)
	d.until("a pod is let in as it is written", func() (bool, string) {
		// Each pod is a user more, and with its number the controller writes when it has seen the copy.
		d.mergeStatus(d.all("clonedimages"), record, `{status: {lastVerified: "2001-02-03T04:05:06Z"}}`)
		given, why := d.pod("web", "redis:7")
		return given == "redis:7" && strings.HasPrefix(why, clone.ReasonOriginKept+": a: "), given + " " + why
	})
	nowKept, nowLate := measured(d.t)
	if nowKept <= kept {
		d.t.Errorf("%d images were counted as left, and %d are now", kept, nowKept)
	}
	if nowLate != late {
		d.t.Error("a pod waited for more than a second")
	}
}

// measured is how many images of pods were left for their target's sake, and how many pods waited for more than a second.
func measured(t *testing.T) (kept, late int) {
	t.Helper()
	families, err := ctrlmetrics.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			switch f.GetName() {
			case "rhumb_image_admissions_total":
				if m.GetLabel()[0].GetValue() == clone.ReasonOriginKept {
					kept += int(m.GetCounter().GetValue())
				}
			case "rhumb_image_webhook_seconds":
				late += int(m.GetHistogram().GetSampleCount())
				for _, b := range m.GetHistogram().GetBucket() {
					if b.GetUpperBound() == 1 {
						late -= int(b.GetCumulativeCount())
					}
				}
			}
		}
	}
	return kept, late
}

// down is a registry that is there and does not work.
func down(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
	w.WriteHeader(http.StatusServiceUnavailable)
}
