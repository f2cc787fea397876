// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	"rhumb.run/rhumb/internal/core/clone"
	"rhumb.run/rhumb/internal/registry/contract"
)

const (
	seedImage  = "nginx:1.21.4-alpine"
	seedTarget = "localhost:5000"
)

// cloner is a bed with registries: what images call docker.io, quay.io and localhost:5000 is on loopback.
type cloner struct {
	*bed
	hub, quay, target *contract.Front
	store             http.Handler // behind the target
	said              *syncBuffer
	calls             *wire
	asleep            atomic.Bool // the kubelets
}

func newCloner(t *testing.T) *cloner {
	t.Helper()
	return clonerOn(t, newBed(t))
}

func clonerOn(t *testing.T, b *bed) *cloner {
	t.Helper()
	c := &cloner{
		bed: b, said: &syncBuffer{}, calls: &wire{}, store: memory(),
		hub: contract.NewFront(t, memory()), quay: contract.NewFront(t, memory()),
	}
	c.target = contract.NewFront(t, refuses("testpass", c.store))
	c.alone = "imagecloner"
	c.env = map[string]string{clone.EnvRegistry: seedTarget, clone.EnvUser: "testuser", clone.EnvPassword: "testpass"}
	c.log = io.MultiWriter(c.said, t.Output())
	c.reach(map[string]string{"docker.io": c.hub.URL, "quay.io": c.quay.URL, seedTarget: c.target.URL})
	var nodes sync.WaitGroup
	nodes.Go(c.kubelets)
	t.Cleanup(nodes.Wait)
	return c
}

// reach says where registries are.
func (c *cloner) reach(hosts map[string]string) {
	c.t.Helper()
	text := "registries:\n"
	for host, url := range hosts {
		text += fmt.Sprintf("- {host: %q, endpoint: %q}\n", host, url)
	}
	file := filepath.Join(c.t.TempDir(), "registries.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		c.t.Fatal(err)
	}
	c.flags = append(c.flags, "--keychains=", "--registries-config="+file, "--log-level=debug", "--log-format=console")
}

// has checks that the target has a digest, whole, behind everybody's back.
func (c *cloner) has(repository, digest string) {
	c.t.Helper()
	w := httptest.NewRecorder()
	c.store.ServeHTTP(w, httptest.NewRequest(http.MethodHead, "/v2/"+repository+"/manifests/"+digest, nil))
	if w.Code != http.StatusOK {
		c.t.Errorf("the target answers %d for %s@%s", w.Code, repository, digest)
	}
}

// wire is what went to the API server.
type wire struct {
	mu     sync.Mutex
	writes []string
}

func (w *wire) wrap(next http.RoundTripper) http.RoundTripper {
	return tripper(func(r *http.Request) (*http.Response, error) {
		w.mu.Lock()
		switch {
		case strings.Contains(r.URL.Path, "/events"):
		case r.Method != http.MethodGet:
			w.writes = append(w.writes, r.Method+" "+r.URL.Path)
		}
		w.mu.Unlock()
		return next.RoundTrip(r)
	})
}

// take gives the writes since it was called last; events are none.
func (w *wire) take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	writes := w.writes
	w.writes = nil
	return writes
}

func (c *cloner) run() (stop func()) { return c.start(c.calls.wrap) }

// two is an image of two architectures.
func two(t *testing.T, text string) v1.ImageIndex {
	return contract.Index(map[string]v1.Image{
		"amd64": contract.Image(t, contract.Files{"a": text}), "arm64": contract.Image(t, contract.Files{"b": text}),
	})
}

func (c *cloner) deployments() dynamic.ResourceInterface {
	return c.client.Resource(appsv1.SchemeGroupVersion.WithResource("deployments")).Namespace(c.ns)
}

// deploy makes a Deployment with a container for each image.
func (c *cloner) deploy(name string, images ...string) {
	c.t.Helper()
	var containers []string
	for i, image := range images {
		containers = append(containers, fmt.Sprintf("{name: c%d, image: %q}", i, image))
	}
	c.apply(fmt.Sprintf(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: %[1]s}
spec:
  selector: {matchLabels: {app: %[1]s}}
  template: {metadata: {labels: {app: %[1]s}}, spec: {containers: [%[2]s]}}`, name, strings.Join(containers, ", ")))
}

// kubelets make each pod ready as nodes would, which the bed has none of. Unready pods stay as they are while asleep.
func (c *cloner) kubelets() {
	for c.t.Context().Err() == nil {
		c.round()
		select {
		case <-c.t.Context().Done():
		case <-time.After(30 * time.Millisecond):
		}
	}
}

// round makes every pod ready that is not.
func (c *cloner) round() {
	if c.asleep.Load() {
		return
	}
	all, err := c.pods().List(c.t.Context(), metav1.ListOptions{})
	if err != nil {
		return // the test has ended
	}
	for _, pod := range all.Items {
		if conditions, _, _ := unstructured.NestedSlice(pod.Object, "status", "conditions"); slices.ContainsFunc(conditions, isReady) {
			continue
		}
		_, _ = c.pods().Patch(c.t.Context(), pod.GetName(), types.MergePatchType,
			[]byte(`{"status":{"phase":"Running","conditions":[{"type":"Ready","status":"True"}]}}`), metav1.PatchOptions{}, "status")
	}
}

func isReady(condition any) bool {
	c := condition.(map[string]any)
	return c["type"] == "Ready" && c["status"] == "True"
}

func (c *cloner) get(name string) *unstructured.Unstructured {
	c.t.Helper()
	o, err := c.deployments().Get(c.t.Context(), name, metav1.GetOptions{})
	if err != nil {
		c.t.Fatal(err)
	}
	return o
}

// images are those of a Deployment's containers.
func (c *cloner) images(name string) []string {
	c.t.Helper()
	containers, _, _ := unstructured.NestedSlice(c.get(name).Object, "spec", "template", "spec", "containers")
	var out []string
	for _, x := range containers {
		out = append(out, x.(map[string]any)["image"].(string))
	}
	return out
}

func (c *cloner) untilImages(name string, want ...string) {
	c.t.Helper()
	c.until(name+" to use "+strings.Join(want, ", "), func() (bool, string) {
		got := c.images(name)
		return slices.Equal(got, want), strings.Join(got, ", ")
	})
}

// spoken are the log's lines about a Deployment, as "message image".
func (c *cloner) spoken(name string) []string {
	line := regexp.MustCompile(`(?m)^\S+\tDEBUG\tcontroller\.image-cloner\t([^\t]*)\t(\{.*\})$`)
	var out []string
	for _, m := range line.FindAllStringSubmatch(c.said.String(), -1) {
		var v map[string]string
		if json.Unmarshal([]byte(m[2]), &v) != nil || v["name"] != name || v["namespace"] != c.ns {
			continue
		}
		out = append(out, strings.Join(strings.Fields(m[1]+" "+v["image"]+" "+v["From"]+" "+v["To"]), " "))
	}
	return out
}

// touch changes a label, which is an event.
func (c *cloner) touch(name, value string) {
	c.t.Helper()
	patch := fmt.Sprintf(`{"metadata":{"labels":{"touched":%q}}}`, value)
	if _, err := c.deployments().Patch(c.t.Context(), name, types.MergePatchType, []byte(patch), metav1.PatchOptions{}); err != nil {
		c.t.Fatal(err)
	}
}

// settled waits until a Deployment's pods are all there.
func (c *cloner) settled(name string) {
	c.t.Helper()
	c.until(name+" to have rolled out", func() (bool, string) {
		o := c.get(name)
		seen, _, _ := unstructured.NestedInt64(o.Object, "status", "observedGeneration")
		available, _, _ := unstructured.NestedInt64(o.Object, "status", "availableReplicas")
		return seen == o.GetGeneration() && available == 1, fmt.Sprint(o.Object["status"])
	})
}
