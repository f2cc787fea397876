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

	"github.com/google/go-cmp/cmp"
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
	c := &cloner{
		bed: newBed(t), said: &syncBuffer{}, calls: &wire{}, store: memory(),
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

// A1, A2: the seed's example, in the seed's words.
func TestClonerOfOld(t *testing.T) {
	c := newCloner(t)
	digest := contract.Push(t, c.hub.URL, "library/"+seedImage, two(t, "nginx"))
	c.deploy("nginx", seedImage)
	c.run()
	c.untilImages("nginx", seedTarget+"/"+seedImage)
	c.has("nginx", digest)
	want := []string{
		"inspecting deployment", "checking deployment container " + seedImage, "cloning deployment image " + seedImage,
		"updating deployment image " + seedImage + " " + seedTarget + "/" + seedImage,
		"deployment image reference updated " + seedTarget + "/" + seedImage,
		"inspecting deployment", "checking deployment container " + seedTarget + "/" + seedImage, "image already cloned " + seedTarget + "/" + seedImage,
	}
	c.until("the words of old", func() (bool, string) {
		got := c.spoken("nginx")
		return len(got) >= len(want), strings.Join(got, "\n")
	})
	if diff := cmp.Diff(want, c.spoken("nginx")[:len(want)]); diff != "" {
		t.Error(diff)
	}
	o := c.get("nginx")
	for key, text := range map[string]string{
		clone.OriginalsAnnotation: `{"c0":"` + seedImage + `"}`, clone.PolicyAnnotation: "env", clone.SecretAnnotation: "cr-token",
	} {
		if got := o.GetAnnotations()[key]; got != text {
			t.Errorf("annotation %s is %q, want %q", key, got, text)
		}
	}

	c.hub.Asked()
	c.target.Asked()
	c.calls.take()
	for i := range 10 {
		before := len(c.spoken("nginx"))
		c.touch("nginx", fmt.Sprint(i))
		c.until("the next look", func() (bool, string) { return len(c.spoken("nginx")) >= before+3, "" })
	}
	if asked := append(c.hub.Asked(), c.target.Asked()...); len(asked) > 0 {
		t.Errorf("a copy that is used was asked for: %q", asked)
	}
	if writes := c.calls.take(); len(writes) > 0 {
		t.Errorf("nothing was to be written: %q", writes)
	}
	if got := c.spoken("nginx"); got[len(got)-1] != "image already cloned "+seedTarget+"/"+seedImage {
		t.Errorf("the last word is %q", got[len(got)-1])
	}
}

// touch changes a label, which is an event.
func (c *cloner) touch(name, value string) {
	c.t.Helper()
	patch := fmt.Sprintf(`{"metadata":{"labels":{"touched":%q}}}`, value)
	if _, err := c.deployments().Patch(c.t.Context(), name, types.MergePatchType, []byte(patch), metav1.PatchOptions{}); err != nil {
		c.t.Fatal(err)
	}
}

// A3: without variables the registry of everybody's examples is meant.
func TestClonerWithoutVariables(t *testing.T) {
	c := newCloner(t)
	c.env = nil
	c.target = contract.NewFront(t, memory())
	c.reach(map[string]string{"docker.io": c.hub.URL, seedTarget: c.target.URL})
	contract.Push(t, c.hub.URL, "library/redis:7", two(t, "redis"))
	c.deploy("redis", "redis:7")
	c.run()
	c.untilImages("redis", seedTarget+"/redis:7")
}

// A5: the copy does not wait for the Deployment, its change does.
func TestClonerWaitsForReady(t *testing.T) {
	c := newCloner(t)
	c.asleep.Store(true)
	digest := contract.Push(t, c.hub.URL, "library/redis:7", two(t, "redis"))
	c.deploy("redis", "redis:7")
	c.run()
	c.until("a copy", func() (bool, string) {
		return slices.Contains(c.target.Asked(), "PUT /v2/redis/manifests/7"), strings.Join(c.spoken("redis"), "\n")
	})
	c.has("redis", digest)
	c.until("the word", func() (bool, string) {
		got := c.spoken("redis")
		return slices.Contains(got, "deployment not ready yet"), strings.Join(got, "\n")
	})
	if got := c.images("redis"); got[0] != "redis:7" {
		t.Errorf("it was changed before it was ready: %q", got)
	}
	c.asleep.Store(false)
	c.untilImages("redis", seedTarget+"/redis:7")
}

// A6, A7, A8: one patch for all containers, both pull secrets, and no two images under one name.
func TestClonerOnePatch(t *testing.T) {
	c := newCloner(t)
	other := contract.NewFront(t, memory())
	c.reach(map[string]string{"docker.io": c.hub.URL, "quay.io": c.quay.URL, seedTarget: c.target.URL, "localhost:50001": other.URL})
	one := contract.Push(t, c.hub.URL, "team/app:1", two(t, "hub"))
	another := contract.Push(t, c.quay.URL, "team/app:1", two(t, "quay"))
	contract.Push(t, other.URL, "x:1", two(t, "x"))
	c.apply(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      imagePullSecrets: [{name: team}]
      initContainers: [{name: setup, image: "localhost:50001/x:1"}]
      containers: [{name: a, image: "team/app:1"}, {name: b, image: "quay.io/team/app:1"}]`)
	c.run()
	c.untilImages("web", seedTarget+"/team/app:1", seedTarget+"/quay.io/team/app:1")
	c.has("team/app", one)
	c.has("quay.io/team/app", another)
	if writes := c.calls.take(); len(writes) != 1 {
		t.Errorf("want one patch: %q", writes)
	}
	o := c.get("web")
	spec, _, _ := unstructured.NestedMap(o.Object, "spec", "template", "spec")
	if diff := cmp.Diff([]any{map[string]any{"name": "team"}, map[string]any{"name": "cr-token"}}, spec["imagePullSecrets"]); diff != "" {
		t.Errorf("pull secrets: %s", diff)
	}
	if image := spec["initContainers"].([]any)[0].(map[string]any)["image"]; image != seedTarget+"/localhost_50001/x:1" {
		t.Errorf("the init container's image is %v", image)
	}
	if o.GetGeneration() != 2 {
		t.Errorf("it rolled out %d times", o.GetGeneration()-1)
	}
}

// A4, and one that cannot be copied beside one that can (F6), and 404s that are told.
func TestClonerLeavesAlone(t *testing.T) {
	c := newCloner(t)
	contract.Push(t, c.hub.URL, "library/redis:7", two(t, "redis"))
	c.deploy("web", "redis:7", "absent:1", "Not An Image")
	c.run()
	c.untilImages("web", seedTarget+"/redis:7", "absent:1", "Not An Image")
	c.until("the reason", func() (bool, string) {
		got := c.spoken("web")
		return slices.ContainsFunc(got, func(s string) bool { return strings.HasPrefix(s, "image not cloned absent:1") }), strings.Join(got, "\n")
	})
	for _, asked := range c.quay.Asked() {
		t.Errorf("nobody's image was asked for: %s", asked)
	}

	skipping := newCloner(t)
	skipping.env[clone.EnvSkip] = "other, " + skipping.ns
	contract.Push(t, skipping.hub.URL, "library/redis:7", two(t, "redis"))
	skipping.deploy("web", "redis:7")
	skipping.hub.Asked()
	stop := skipping.run()
	// What comes after it in the same queue has been seen to.
	skipping.deploy("later", "Not An Image")
	skipping.touch("web", "1")
	stop()
	if asked := append(skipping.hub.Asked(), skipping.target.Asked()...); len(asked) > 0 || len(skipping.calls.take()) > 0 {
		t.Errorf("a namespace that is left out: %q", asked)
	}
}

// A22: whoever puts the original back is left alone after three times.
func TestClonerGivesUp(t *testing.T) {
	c := newCloner(t)
	contract.Push(t, c.hub.URL, "library/redis:7", two(t, "redis"))
	c.deploy("web", "redis:7")
	c.run()
	back := `{"spec":{"template":{"spec":{"containers":[{"name":"c0","image":"redis:7"}]}}}}`
	for range 3 {
		c.untilImages("web", seedTarget+"/redis:7")
		if _, err := c.deployments().Patch(t.Context(), "web", types.StrategicMergePatchType, []byte(back), metav1.PatchOptions{FieldManager: "argocd"}); err != nil {
			t.Fatal(err)
		}
	}
	c.until("a word on it", func() (bool, string) {
		why := c.get("web").GetAnnotations()[clone.ReasonAnnotation]
		return strings.HasPrefix(why, "RewriteContested: argocd put back the original images 3 times"), why
	})
	generation := c.get("web").GetGeneration()
	c.calls.take()
	c.touch("web", "1")
	c.deploy("later", "redis:7")
	c.untilImages("later", seedTarget+"/redis:7")
	writes := slices.DeleteFunc(c.calls.take(), func(s string) bool { return strings.HasSuffix(s, "/later") })
	if got := c.get("web").GetGeneration(); got != generation || len(writes) > 0 {
		t.Errorf("it was changed again: %q", writes)
	}
}

// A16, X7: no registry sees another's credentials, and a refused password is told without being shown.
func TestClonerKeepsSecrets(t *testing.T) {
	c := newCloner(t)
	c.env[clone.EnvPassword] = "wrong-canary"
	var seen []string
	c.hub.Fault(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if h := r.Header.Get("Authorization"); h != "" {
			seen = append(seen, h)
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
		w.WriteHeader(http.StatusUnauthorized)
	})
	c.deploy("web", "redis:7")
	contract.Push(t, c.quay.URL, "a/b:1", two(t, "b"))
	c.deploy("own", "quay.io/a/b:1")
	c.run()
	for _, name := range []string{"web", "own"} {
		c.until("a word on "+name, func() (bool, string) {
			got := c.spoken(name)
			return slices.ContainsFunc(got, func(s string) bool { return strings.HasPrefix(s, "image not cloned") }), strings.Join(got, "\n")
		})
	}
	if len(seen) > 0 {
		t.Errorf("the hub was shown %q", seen)
	}
	if strings.Contains(c.said.String(), "canary") {
		t.Error("the log shows the password")
	}
}
