// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	rhumbv1alpha1 "rhumb.run/rhumb/api/rhumb/v1alpha1"
	sourcev1alpha1 "rhumb.run/rhumb/api/source/v1alpha1"
	"rhumb.run/rhumb/internal/controller/imageclone"
	"rhumb.run/rhumb/internal/testkit/controlplane"
	"rhumb.run/rhumb/internal/ytt"
)

func TestMain(m *testing.M) {
	ytt.Main()
	if ns := os.Getenv(aliveIn); ns != "" {
		os.Exit(alive(ns))
	}
	controlplane.Main(m)
}

// patience bounds how long a test waits for what must come.
const patience = 60 * time.Second

// bed is a namespace of its own on a real API server, and a way to run the
// controller there, as often and as faulty as a test wants.
type bed struct {
	t      *testing.T
	config *rest.Config
	client dynamic.Interface
	ns     string
	// flags are given to the controller after those of every bed.
	flags []string
	// sweep is how often copies that nobody uses are looked for.
	sweep time.Duration
	// refresh is how often tags are looked at again; as policies say if zero.
	refresh time.Duration
	// further are namespaces whose objects the image cloner sees as well.
	further []string
	// called are names by which the API server calls the webhook.
	called []string
	// alone are the controllers to run in place of those that most beds want.
	alone string
	// env is the controller's environment, as far as it asks for one.
	env map[string]string
	// log takes the controller's log.
	log io.Writer
}

func newBed(t *testing.T) *bed {
	t.Helper()
	return bedOn(t, controlplane.Shared(t), controlplane.Namespace(t))
}

func bedOn(t *testing.T, config *rest.Config, ns string) *bed {
	t.Helper()
	c := rest.CopyConfig(config)
	c.QPS = -1
	client, err := dynamic.NewForConfig(c)
	if err != nil {
		t.Fatal(err)
	}
	b := &bed{t: t, config: c, client: client, ns: ns}
	// What is left behind must not keep the controller of the next test busy.
	t.Cleanup(func() {
		for _, r := range []string{"workloads", "deliverables", "runnables", "pipelines"} {
			_ = b.carto(r).DeleteCollection(context.Background(), metav1.DeleteOptions{}, metav1.ListOptions{})
		}
		for _, r := range []string{
			"clustersupplychains", "clusterdeliveries", "clusterimagetemplates", "clustersourcetemplates",
			"clusterconfigtemplates", "clusterdeploymenttemplates", "clustertemplates", "clusterruntemplates",
		} {
			_ = b.client.Resource(cartoResource(r)).DeleteCollection(context.Background(), metav1.DeleteOptions{}, metav1.ListOptions{LabelSelector: "bed=" + ns})
		}
	})
	return b
}

func cartoResource(r string) schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "carto.run", Version: "v1alpha1", Resource: r}
}

var clusterRoles = rbacv1.SchemeGroupVersion.WithResource("clusterroles")

func (b *bed) carto(r string) dynamic.ResourceInterface {
	return b.client.Resource(cartoResource(r)).Namespace(b.ns)
}

func (b *bed) configMaps() dynamic.ResourceInterface {
	return b.client.Resource(corev1.SchemeGroupVersion.WithResource("configmaps")).Namespace(b.ns)
}

// start runs the controller until the test or stop ends it. Requests go through
// wrap, if there is one.
func (b *bed) start(wrap func(http.RoundTripper) http.RoundTripper) (stop func()) {
	b.t.Helper()
	flags := []string{"--leader-elect=false", "--metrics-bind-address=0", "--health-probe-bind-address=0", "--log-level=error"}
	if b.alone == "" {
		b.alone = "workload,supplychain,deliverable,delivery,runnable"
	}
	o, err := parse(append(append(flags, "--controllers="+b.alone), b.flags...), b.t.Output())
	if err != nil {
		b.t.Fatal(err)
	}
	o.narrow = narrow(b.ns, b.further)
	o.sweepEvery, o.refreshEvery = b.sweep, b.refresh
	o.env = func(name string) (string, bool) { v, ok := b.env[name]; return v, ok }
	o.log, o.webhookNames = b.log, b.called
	if err := setLogger(o); err != nil {
		b.t.Fatal(err)
	}
	config := rest.CopyConfig(b.config)
	if wrap != nil {
		config.Wrap(wrap)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- serve(ctx, config, o) }()
	var once atomic.Bool
	stop = func() {
		if once.CompareAndSwap(false, true) {
			cancel()
			if err := <-done; err != nil && !errors.Is(err, context.Canceled) && wrap == nil {
				b.t.Errorf("the controller ended with %v", err)
			}
		}
	}
	b.t.Cleanup(stop)
	return stop
}

// narrow bounds what a controller sees: other tests use the same cluster, and their Workloads and chains are none of ours.
func narrow(ns string, further []string) func(*cache.Options) {
	mine := cache.ByObject{Namespaces: map[string]cache.Config{ns: {}}}
	bed := cache.ByObject{Label: labels.SelectorFromSet(labels.Set{"bed": ns})}
	pods := map[string]cache.Config{ns: {}}
	for _, other := range further {
		pods[other] = cache.Config{}
	}
	return func(seen *cache.Options) {
		seen.ByObject = map[client.Object]cache.ByObject{
			&v1alpha1.Workload{}: mine, &v1alpha1.Runnable{}: mine, &v1alpha1.Pipeline{}: mine, &v1alpha1.Deliverable{}: mine,
			&sourcev1alpha1.ImageRepository{}: mine,
			&v1alpha1.ClusterSupplyChain{}:    bed, &v1alpha1.ClusterDelivery{}: bed, &rhumbv1alpha1.ImageClonePolicy{}: bed,
		}
		for _, kind := range imageclone.Objects() {
			seen.ByObject[kind] = cache.ByObject{Namespaces: pods}
		}
	}
}

// apply creates or replaces objects; NS in the text is the bed's namespace.
// Cluster-scoped objects are named after it and carry it as a label.
func (b *bed) apply(text string) {
	b.t.Helper()
	for doc := range strings.SplitSeq(strings.ReplaceAll(text, "NS", b.ns), "\n---\n") {
		u := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(doc), &u.Object); err != nil {
			b.t.Fatalf("%v in:\n%s", err, doc)
		}
		b.put(u)
	}
}

// asIs applies objects with the names and namespaces that they have.
func (b *bed) asIs(text string) {
	b.t.Helper()
	for doc := range strings.SplitSeq("\n"+text, "\n---\n") {
		u := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(doc), &u.Object); err != nil {
			b.t.Fatalf("%v in:\n%s", err, doc)
		}
		if len(u.Object) > 0 {
			b.send(u)
		}
	}
}

func (b *bed) put(u *unstructured.Unstructured) {
	b.t.Helper()
	labels := u.GetLabels()
	if labels == nil {
		labels = map[string]string{}
	}
	labels["bed"] = b.ns
	u.SetLabels(labels)
	if !strings.HasPrefix(u.GetKind(), "Cluster") && u.GetKind() != "ImageClonePolicy" {
		u.SetNamespace(b.ns)
	}
	b.send(u)
}

func (b *bed) send(u *unstructured.Unstructured) {
	b.t.Helper()
	plural := strings.TrimSuffix(strings.ToLower(u.GetKind()), "y")
	if strings.HasSuffix(u.GetKind(), "y") {
		plural += "ie"
	}
	r := b.client.Resource(u.GroupVersionKind().GroupVersion().WithResource(plural + "s"))
	var to dynamic.ResourceInterface = r
	if u.GetNamespace() != "" {
		to = r.Namespace(u.GetNamespace())
	}
	if _, err := to.Apply(context.Background(), u.GetName(), u, metav1.ApplyOptions{FieldManager: "user", Force: true}); err != nil {
		b.t.Fatalf("applying %s %s: %v", u.GetKind(), u.GetName(), err)
	}
}

// until waits for a fact; what it last saw is shown if it never comes true.
func (b *bed) until(what string, fact func() (bool, string)) {
	b.t.Helper()
	last := ""
	err := wait.PollUntilContextTimeout(context.Background(), 20*time.Millisecond, patience, true, func(context.Context) (bool, error) {
		ok, seen := fact()
		last = seen
		return ok, nil
	})
	if err != nil {
		b.t.Fatalf("waiting until %s: %v; last seen: %s", what, err, last)
	}
}

// workload waits until a Workload's Ready condition has a status and reason.
func (b *bed) workload(name, status, reason string) *unstructured.Unstructured {
	b.t.Helper()
	return b.owner("workloads", name, status, reason)
}

// owner waits until the Ready condition of an owner has a status and reason.
func (b *bed) owner(resource, name, status, reason string) *unstructured.Unstructured {
	b.t.Helper()
	var got *unstructured.Unstructured
	b.until(fmt.Sprintf("%s/%s is Ready=%s %s", resource, name, status, reason), func() (bool, string) {
		w, err := b.carto(resource).Get(context.Background(), name, metav1.GetOptions{})
		if err != nil {
			return false, err.Error()
		}
		got = w
		c := readyCondition(w)
		observed, _, _ := unstructured.NestedInt64(w.Object, "status", "observedGeneration")
		return observed == w.GetGeneration() && c["status"] == status && (reason == "" || c["reason"] == reason), fmt.Sprint(c)
	})
	return got
}

func readyCondition(u *unstructured.Unstructured) map[string]any { return condition(u, "Ready") }

func condition(u *unstructured.Unstructured, kind string) map[string]any {
	list, _, _ := unstructured.NestedSlice(u.Object, "status", "conditions")
	for _, e := range list {
		if m := e.(map[string]any); m["type"] == kind {
			return m
		}
	}
	return map[string]any{}
}

// data waits until a ConfigMap's data are as wanted.
func (b *bed) data(name string, want map[string]string) *unstructured.Unstructured {
	b.t.Helper()
	var got *unstructured.Unstructured
	b.until(fmt.Sprintf("configmap %s holds %v", name, want), func() (bool, string) {
		u, err := b.configMaps().Get(context.Background(), name, metav1.GetOptions{})
		if err != nil {
			return false, err.Error()
		}
		got = u
		have, _, _ := unstructured.NestedStringMap(u.Object, "data")
		return cmp.Equal(have, want), fmt.Sprint(have)
	})
	return got
}

// object waits until an object is there.
func (b *bed) object(r dynamic.ResourceInterface, name string) *unstructured.Unstructured {
	b.t.Helper()
	var got *unstructured.Unstructured
	b.until(name+" is there", func() (bool, string) {
		u, err := r.Get(context.Background(), name, metav1.GetOptions{})
		got = u
		return err == nil, fmt.Sprint(err)
	})
	return got
}

// gone waits until a ConfigMap is no more.
func (b *bed) gone(name string) {
	b.t.Helper()
	b.until("configmap "+name+" is gone", func() (bool, string) {
		_, err := b.configMaps().Get(context.Background(), name, metav1.GetOptions{})
		return apierrors.IsNotFound(err), fmt.Sprint(err)
	})
}

// merge patches an object as some user would.
func (b *bed) merge(r dynamic.ResourceInterface, name, patch string) {
	b.t.Helper()
	b.patch(r, name, patch)
}

// mergeStatus patches an object's status as its controller would.
func (b *bed) mergeStatus(r dynamic.ResourceInterface, name, patch string) {
	b.t.Helper()
	b.patch(r, name, patch, "status")
}

func (b *bed) patch(r dynamic.ResourceInterface, name, patch string, subresource ...string) {
	b.t.Helper()
	raw, err := yaml.YAMLToJSON([]byte(patch))
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := r.Patch(context.Background(), name, types.MergePatchType, raw, metav1.PatchOptions{FieldManager: "somebody"}, subresource...); err != nil {
		b.t.Fatalf("patching %s: %v", name, err)
	}
}

// events are the messages of the bed's events.
func (b *bed) events() []string {
	b.t.Helper()
	list, err := b.client.Resource(corev1.SchemeGroupVersion.WithResource("events")).Namespace(b.ns).List(context.Background(), metav1.ListOptions{})
	if err != nil {
		b.t.Fatal(err)
	}
	var out []string
	for _, e := range list.Items {
		out = append(out, fmt.Sprint(e.Object["reason"], ": ", e.Object["message"], e.Object["note"]))
	}
	return out
}

// counter counts what goes to the API server.
type counter struct{ reads, writes atomic.Int64 }

func (c *counter) wrap(next http.RoundTripper) http.RoundTripper {
	return tripper(func(r *http.Request) (*http.Response, error) {
		switch {
		case r.Method != http.MethodGet:
			if !strings.Contains(r.URL.Path, "/leases/") && !strings.Contains(r.URL.Path, "/events") {
				c.writes.Add(1)
			}
		case r.URL.Query().Get("watch") == "":
			c.reads.Add(1)
		}
		return next.RoundTrip(r)
	})
}

type tripper func(*http.Request) (*http.Response, error)

func (t tripper) RoundTrip(r *http.Request) (*http.Response, error) { return t(r) }
