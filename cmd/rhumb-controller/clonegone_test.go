// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"

	"rhumb.run/rhumb/api/rhumb/v1alpha1"
	"rhumb.run/rhumb/internal/registry/contract"
	"rhumb.run/rhumb/internal/testkit/controlplane"
)

// halfway is a copy that goes on and does not end: of large blobs its source gives a byte now and then. began and ended say so
// of a request.
type halfway struct{ began, ended chan string }

func (c *cloner) halfway() halfway {
	h := halfway{make(chan string, 100), make(chan string, 100)}
	c.hub.Fault(contract.On(http.MethodGet, "blob", func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		answer := httptest.NewRecorder()
		next.ServeHTTP(answer, r)
		body := answer.Body.Bytes()
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		if len(body) < 1<<16 {
			_, _ = w.Write(body)
			return
		}
		h.began <- r.URL.Path
		defer func() { h.ended <- r.URL.Path }()
		for _, b := range body {
			if _, err := w.Write([]byte{b}); err != nil || http.NewResponseController(w).Flush() != nil {
				return
			}
			select {
			case <-time.After(20 * time.Millisecond):
			case <-r.Context().Done():
				return
			case <-c.t.Context().Done():
				return
			}
		}
	}))
	return h
}

// await waits for one request of many.
func (c *cloner) await(what string, all chan string) {
	c.t.Helper()
	c.until(what, func() (bool, string) {
		select {
		case <-all:
			return true, ""
		default:
			return false, ""
		}
	})
}

func (c *cloner) all(resource string) dynamic.NamespaceableResourceInterface {
	return c.client.Resource(v1alpha1.SchemeGroupVersion.WithResource(resource))
}

// recorded are the images of this bed that something is written down of.
func (c *cloner) recorded() []string {
	c.t.Helper()
	list, err := c.all("clonedimages").List(c.t.Context(), metav1.ListOptions{})
	if err != nil {
		c.t.Fatal(err)
	}
	var out []string
	for _, u := range list.Items {
		if text := fmt.Sprint(u.Object["spec"]); strings.Contains(text, c.ns) {
			out = append(out, text)
		}
	}
	return out
}

// complaints are the log's errors.
func (c *cloner) complaints() (out []string) {
	for line := range strings.Lines(c.said.String()) {
		if strings.Contains(line, "\tERROR\t") {
			out = append(out, line)
		}
	}
	return out
}

// Whoever goes while his image is copied ends the copy, and leaves nothing behind: no record, no further request, no error.
func TestPolicyGoneMidCopy(t *testing.T) {
	for name, tc := range map[string]struct {
		why string
		end func(c *cloner, ns string)
		// gone reports whether what was deleted is no more.
		gone func(c *cloner, ns string) error
	}{
		"Workload": {
			"a copy that nobody wants is not made",
			func(c *cloner, ns string) {
				err := c.in("deployments", ns).Delete(context.Background(), "web", metav1.DeleteOptions{PropagationPolicy: new(metav1.DeletePropagationBackground)})
				if err != nil {
					c.t.Fatal(err)
				}
			},
			func(c *cloner, ns string) error {
				_, err := c.in("deployments", ns).Get(context.Background(), "web", metav1.GetOptions{})
				return err
			},
		},
		"Namespace": {
			"and nothing of ours holds up the end of a namespace",
			func(c *cloner, ns string) {
				if err := c.client.Resource(corev1.SchemeGroupVersion.WithResource("namespaces")).Delete(context.Background(), ns, metav1.DeleteOptions{}); err != nil {
					c.t.Fatal(err)
				}
			},
			func(c *cloner, ns string) error {
				_, err := c.client.Resource(corev1.SchemeGroupVersion.WithResource("namespaces")).Get(context.Background(), ns, metav1.GetOptions{})
				return err
			},
		},
		"Policy": {
			"what a policy asked for is nobody's when it is gone",
			func(c *cloner, _ string) {
				if err := c.all("imageclonepolicies").Delete(context.Background(), "corp-"+c.ns, metav1.DeleteOptions{}); err != nil {
					c.t.Fatal(err)
				}
			},
			func(c *cloner, _ string) error {
				_, err := c.all("imageclonepolicies").Get(context.Background(), "corp-"+c.ns, metav1.GetOptions{})
				return err
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newPolicies(t)
			ns := controlplane.Namespace(t)
			c.further = []string{ns}
			contract.Push(t, c.hub.URL, "library/redis:7", contract.Image(t, contract.Files{"a": contract.Noise(1 << 18)}))
			contract.Push(t, c.quay.URL, "a/b:1", two(t, "b"))
			h := c.halfway()
			c.policyOf(ns)
			c.asIs(fmt.Sprintf(webIn, ns))
			c.run()
			c.await("the copy to be under way", h.began)
			c.record(redis, v1alpha1.StateCopying)
			tc.end(c, ns)
			c.await(tc.why, h.ended)
			c.until(name+" to be gone", func() (bool, string) { err := tc.gone(c, ns); return apierrors.IsNotFound(err), fmt.Sprint(err) })
			c.until("nothing to be written down of it", func() (bool, string) { got := c.recorded(); return len(got) == 0, fmt.Sprint(got) })
			c.hub.Forget()
			c.policyOf(ns)
			c.deploy("later", "quay.io/a/b:1")
			c.untilImages("later", corp+"/quay.io/a/b:1")
			if asked := c.hub.Asked(); len(asked) > 0 && name != "Policy" {
				t.Errorf("%s: it goes on: %q", tc.why, asked)
			}
			if got := c.complaints(); len(got) > 0 {
				t.Errorf("%s: it complains: %q", tc.why, got)
			}
		})
	}
}

// in are the objects of a group of apps in a namespace.
func (c *cloner) in(resource, ns string) dynamic.ResourceInterface {
	return c.client.Resource(appsv1.SchemeGroupVersion.WithResource(resource)).Namespace(ns)
}

const webIn = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: %s}
spec:
  selector: {matchLabels: {app: web}}
  template: {metadata: {labels: {app: web}}, spec: {containers: [{name: c0, image: "redis:7"}]}}`

// policyOf is a policy of this bed's namespace and one more.
func (c *cloner) policyOf(ns string) {
	c.t.Helper()
	c.apply(fmt.Sprintf(`
apiVersion: rhumb.run/v1alpha1
kind: ImageClonePolicy
metadata: {name: corp-NS}
spec:
  match: {namespaceSelector: {matchExpressions: [{key: kubernetes.io/metadata.name, operator: In, values: [NS, %s]}]}}
  target: {pullName: %s, push: {auth: {secretRef: {name: push}}}}`, ns, corp))
}

// A policy that goes while its copies fail takes their next attempts with it; one that comes instead has them made.
func TestPolicyGoneWhileFailing(t *testing.T) {
	c := newPolicies(t)
	contract.Push(t, c.hub.URL, "library/redis:7", two(t, "redis"))
	c.hub.Fault(down)
	c.policy("corp", "")
	c.deploy("web", "redis:7")
	c.run()
	c.record(redis, v1alpha1.StateFailed)
	if err := c.all("imageclonepolicies").Delete(t.Context(), "corp-"+c.ns, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	c.until("nothing to be written down of it", func() (bool, string) { got := c.recorded(); return len(got) == 0, fmt.Sprint(got) })
	c.hub.Fault(nil)
	c.policy("other", "")
	c.untilImages("web", corp+"/docker.io/library/redis:7")
}
