// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"net"
	"net/http"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"rhumb.run/rhumb/api/rhumb/v1alpha1"
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

// A bare pod is given the copy once that is there: with the original's registry down, and not with the target's.
func TestPodsAreGivenCopies(t *testing.T) {
	d := newDoor(t)
	contract.Push(t, d.hub.URL, "library/redis:7", two(t, "redis"))
	d.policy("corp", "")
	d.run()
	const copied = corp + "/docker.io/library/redis:7"
	d.until("a pod is given the copy", func() (bool, string) {
		given, why := d.pod("web", "redis:7")
		return given == copied, given + " " + why
	})
	d.record("docker.io/library/redis:7", v1alpha1.StateReady)

	d.hub.Fault(down)
	d.hub.Forget()
	if given, why := d.pod("web", "redis:7"); given != copied {
		t.Errorf("the original's registry is down, and the pod has %s: %s", given, why)
	}
	if asked := d.hub.Asked(); len(asked) > 0 {
		t.Errorf("the original's registry was asked for a pod that is given a copy: %q", asked)
	}
	if given, why := d.pod("other", "never/seen:1"); given != "never/seen:1" || why == "" {
		t.Errorf("an image that nobody copied became %s, and why is %q", given, why)
	}
}

// down is a registry that is there and does not work.
func down(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
	w.WriteHeader(http.StatusServiceUnavailable)
}
