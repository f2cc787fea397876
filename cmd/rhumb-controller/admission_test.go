// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"rhumb.run/rhumb/internal/testkit/controlplane"
)

// gate is an API server of its own with our webhook configuration, and what it warned of.
type gate struct {
	*bed
	address string
	heard   *warnings
}

type warnings struct {
	sync.Mutex
	texts []string
}

func (w *warnings) HandleWarningHeader(_ int, _ string, text string) {
	w.Lock()
	defer w.Unlock()
	w.texts = append(w.texts, text)
}

func (w *warnings) take() []string {
	w.Lock()
	defer w.Unlock()
	out := w.texts
	w.texts = nil
	return out
}

func newGate(t *testing.T) *gate {
	t.Helper()
	plane := controlplane.New(t)
	g := &gate{heard: &warnings{}}
	config := rest.CopyConfig(plane.Config())
	config.WarningHandler = g.heard
	g.bed = bedOn(t, config, plane.Namespace(t))
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g.address = listener.Addr().String()
	_ = listener.Close()
	return g
}

// webhooks installs the configuration as it is shipped, but for the service:
// no pod serves here.
func (g *gate) webhooks() {
	g.t.Helper()
	for _, u := range documents(g.t, "../../config/install/webhook.yaml") {
		list, _, _ := unstructured.NestedSlice(u.Object, "webhooks")
		for _, w := range list {
			to := w.(map[string]any)["clientConfig"].(map[string]any)
			to["url"] = "https://" + g.address + to["service"].(map[string]any)["path"].(string)
			delete(to, "service")
		}
		if err := unstructured.SetNestedSlice(u.Object, list, "webhooks"); err != nil {
			g.t.Fatal(err)
		}
		g.send(u)
	}
}

// install applies files as they are shipped.
func (g *gate) install(pattern string) {
	g.t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		g.t.Fatalf("nothing at %s: %v", pattern, err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			g.t.Fatal(err)
		}
		g.asIs(string(raw))
	}
}

// run is the controller with the admission webhook and nothing else.
func (g *gate) run(config *rest.Config) (stop func()) {
	g.t.Helper()
	o, err := parse([]string{
		"--controllers=admission", "--webhook-bind-address=" + g.address, "--leader-elect=false",
		"--metrics-bind-address=0", "--health-probe-bind-address=0", "--log-level=error",
	}, g.t.Output())
	if err != nil {
		g.t.Fatal(err)
	}
	o.webhookNames = []string{"127.0.0.1"}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- serve(ctx, rest.CopyConfig(config), o) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
			g.t.Errorf("the controller ended with %v", err)
		}
	})
	g.t.Cleanup(stop)
	return stop
}

// try asks the API server whether it would take an object.
func (g *gate) try(u *unstructured.Unstructured) (refused string, warned []string) {
	g.t.Helper()
	g.heard.take()
	_, err := g.at(u).Create(context.Background(), u, metav1.CreateOptions{
		DryRun: []string{metav1.DryRunAll}, FieldValidation: metav1.FieldValidationStrict,
	})
	if err != nil {
		refused = err.Error()
	}
	return refused, g.heard.take()
}

func (g *gate) at(u *unstructured.Unstructured) dynamic.ResourceInterface {
	plural := strings.TrimSuffix(strings.ToLower(u.GetKind()), "y")
	if strings.HasSuffix(u.GetKind(), "y") {
		plural += "ie"
	}
	return g.client.Resource(u.GroupVersionKind().GroupVersion().WithResource(plural + "s")).Namespace(u.GetNamespace())
}

// works waits until the webhook is asked and believed, or no longer.
func (g *gate) works(answers bool) {
	g.t.Helper()
	u := object(g.t, `{apiVersion: carto.run/v1alpha1, kind: ClusterTemplate, metadata: {name: probe}, spec: {template: {kind: A, a: $()$}}}`)
	g.until("the webhook answers or not", func() (bool, string) {
		refused, _ := g.try(u)
		return (refused != "") == answers, refused
	})
}

// obeyed waits until the API server's own rules are.
func (g *gate) obeyed() {
	g.t.Helper()
	for _, text := range []string{
		`{apiVersion: carto.run/v1alpha1, kind: ClusterTemplate, metadata: {name: probe}, spec: {template: {apiVersion: v1}}}`,
		`{apiVersion: carto.run/v1alpha1, kind: ClusterDelivery, metadata: {name: probe}, spec: {selector: {"?": ""}, resources: []}}`,
		`{apiVersion: carto.run/v1alpha1, kind: ClusterDelivery, metadata: {name: probe}, spec: {selector: {a: b}, resources: [{name: a, templateRef: {kind: ClusterTemplate, name: a}, sources: [{name: a, resource: a}]}]}}`,
	} {
		u := object(g.t, text)
		g.until("the policies are obeyed", func() (bool, string) {
			refused, _ := g.try(u)
			return strings.Contains(refused, "ValidatingAdmissionPolicy"), refused
		})
	}
}

func object(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	u := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(text), &u.Object); err != nil {
		t.Fatal(err)
	}
	return u
}

func documents(t *testing.T, file string) []*unstructured.Unstructured {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var out []*unstructured.Unstructured
	for text := range strings.SplitSeq("\n"+string(raw), "\n---\n") {
		if u := object(t, text); len(u.Object) > 0 {
			out = append(out, u)
		}
	}
	return out
}

// noted are the words of a document's comments.
func noted(text, word string) []string {
	var out []string
	for line := range strings.Lines(text) {
		if w, ok := strings.CutPrefix(strings.TrimSpace(line), "# "+word+": "); ok {
			out = append(out, w)
		}
	}
	return out
}

// table sends each document of config/testdata and compares the verdict, and
// the words. The same table is judged by core/admit and by the API server alone.
func (g *gate) table(t *testing.T, webhook bool) {
	t.Helper()
	files, err := filepath.Glob("../../config/testdata/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no testdata: %v", err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for text := range strings.SplitSeq(string(raw), "\n---\n") {
			u := object(t, text)
			want := slices.Concat(noted(text, "refused"), noted(text, "schema"))
			if webhook {
				want = append(want, noted(text, "webhook")...)
			}
			refused, warned := g.try(u)
			name := filepath.Base(file) + ": " + strings.Join(noted(text, "why"), "")
			if (refused != "") != (len(want) > 0) || len(want) > 0 && !strings.Contains(refused, want[0]) {
				t.Errorf("%s: refused with %q, want %q", name, refused, want)
			}
			if wantWarned := noted(text, "warned"); refused == "" && webhook && strings.HasPrefix(u.GetKind(), "Cluster") {
				ok := slices.EqualFunc(warned, wantWarned, strings.Contains)
				if !ok {
					t.Errorf("%s: warned of %q, want %q", name, warned, wantWarned)
				}
			}
		}
	}
}

// Whoever speaks first, the API server's rules or the webhook, the verdict is
// the same and so are the words; and without the webhook, what it alone can
// tell is let in.
func TestAdmission(t *testing.T) {
	g := newGate(t)
	g.install("../../config/install/namespace.yaml")
	g.install("../../config/rbac/*.yaml")
	g.webhooks()
	g.works(false) // nobody answers yet, and nobody has to wait for that
	stop := g.run(g.bed.withShippedRights().config)
	g.works(true)
	t.Run("Webhook", func(t *testing.T) { g.table(t, true) })
	stop()
	g.works(false)
	bad := g.slippedIn()
	g.install("../../config/admission/*.yaml")
	g.obeyed()
	t.Run("RulesAlone", func(t *testing.T) { g.table(t, false) })
	t.Run("OthersUnharmed", func(t *testing.T) { g.unharmed() })
	g.run(g.bed.withShippedRights().config)
	g.works(true)
	t.Run("Both", func(t *testing.T) { g.table(t, true) })
	t.Run("SlippedIn", func(t *testing.T) { g.stillMine(t, bad) })
}

// slippedIn are objects that are there from a time before the rules.
func (g *gate) slippedIn() []*unstructured.Unstructured {
	g.t.Helper()
	out := []*unstructured.Unstructured{
		object(g.t, `{apiVersion: carto.run/v1alpha1, kind: ClusterDelivery, metadata: {name: reads-nothing}, spec: {selector: {a: b}, resources: [{name: a, templateRef: {kind: ClusterTemplate, name: a}, sources: [{name: s, resource: nowhere}]}]}}`),
		object(g.t, `{apiVersion: carto.run/v1alpha1, kind: ClusterSupplyChain, metadata: {name: circle}, spec: {selector: {a: b}, resources: [{name: a, templateRef: {kind: ClusterSourceTemplate, name: a}, sources: [{name: s, resource: a}]}]}}`),
		object(g.t, `{apiVersion: carto.run/v1alpha1, kind: ClusterTemplate, metadata: {name: no-kind}, spec: {template: {a: b}}}`),
		object(g.t, `{apiVersion: carto.run/v1alpha1, kind: ClusterTemplate, metadata: {name: unreadable}, spec: {template: {kind: A, a: $()$}}}`),
	}
	for _, u := range out {
		if _, err := g.at(u).Create(context.Background(), u, metav1.CreateOptions{}); err != nil {
			g.t.Fatalf("creating %s: %v", u.GetName(), err)
		}
	}
	return out
}

// stillMine: what slipped in can be labelled and let go, but not be changed for as bad.
func (g *gate) stillMine(t *testing.T, bad []*unstructured.Unstructured) {
	t.Helper()
	for _, u := range bad {
		g.heard.take()
		g.merge(g.at(u), u.GetName(), `{metadata: {labels: {new: label}, finalizers: [example.com/mine]}}`)
		if warned := g.heard.take(); len(warned) != 1 {
			t.Errorf("%s: warned of %q when labelled, want what is wrong with it", u.GetName(), warned)
		}
		if err := g.at(u).Delete(t.Context(), u.GetName(), metav1.DeleteOptions{}); err != nil {
			t.Errorf("deleting %s: %v", u.GetName(), err)
		}
		edited, err := g.at(u).Get(t.Context(), u.GetName(), metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if err := unstructured.SetNestedField(edited.Object, "other", "spec", "serviceAccountRef", "name"); err != nil {
			t.Fatal(err)
		}
		if u.GetKind() == "ClusterTemplate" {
			unstructured.RemoveNestedField(edited.Object, "spec", "serviceAccountRef")
			_ = unstructured.SetNestedField(edited.Object, "immutable", "spec", "lifecycle")
		}
		if _, err := g.at(u).Update(t.Context(), edited, metav1.UpdateOptions{}); err == nil {
			t.Errorf("%s was edited, and is as bad as before", u.GetName())
		}
		g.merge(g.at(u), u.GetName(), `{metadata: {finalizers: null}}`)
	}
}

// unharmed: while nobody answers, other kinds and good objects are written as ever.
func (g *gate) unharmed() {
	g.t.Helper()
	g.apply(`
apiVersion: v1
kind: ConfigMap
metadata: {name: other}
---
apiVersion: carto.run/v1alpha1
kind: Workload
metadata: {name: app}
spec: {}
---
apiVersion: carto.run/v1alpha1
kind: ClusterTemplate
metadata: {name: NS-good}
spec: {template: {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}}
---
apiVersion: carto.run/v1alpha1
kind: ClusterSupplyChain
metadata: {name: NS-good}
spec: {selector: {a: b}, resources: [{name: a, templateRef: {kind: ClusterTemplate, name: NS-good}}]}`)
}

// What is shipped asks about our kinds alone, on paths that are answered, and takes silence for a yes.
func TestShippedWebhooks(t *testing.T) {
	u := documents(t, "../../config/install/webhook.yaml")
	if len(u) != 1 || u[0].GetName() != webhookConfiguration {
		t.Fatalf("want %s alone", webhookConfiguration)
	}
	list, _, _ := unstructured.NestedSlice(u[0].Object, "webhooks")
	var paths []string
	for _, e := range list {
		w := e.(map[string]any)
		rule := w["rules"].([]any)[0].(map[string]any)
		want := map[string]any{
			"apiGroups": []any{"carto.run"}, "apiVersions": []any{"v1alpha1"}, "operations": []any{"CREATE", "UPDATE"},
			"resources": rule["resources"], "scope": "Cluster",
		}
		if diff := cmp.Diff(want, rule); diff != "" || len(w["rules"].([]any)) != 1 {
			t.Errorf("%s asks about more, or less:\n%s", w["name"], diff)
		}
		if w["failurePolicy"] != "Ignore" || w["timeoutSeconds"].(float64) > 5 || w["sideEffects"] != "None" {
			t.Errorf("%s can stop other people's work", w["name"])
		}
		service := w["clientConfig"].(map[string]any)["service"].(map[string]any)
		if service["name"] != webhookService || service["namespace"] != "rhumb-system" {
			t.Errorf("%s asks at %v", w["name"], service)
		}
		paths = append(paths, service["path"].(string)+" "+rule["resources"].([]any)[0].(string))
	}
	const p = "/validate-carto-run-v1alpha1-cluster"
	want := []string{
		p + "supplychain clustersupplychains", p + "delivery clusterdeliveries", p + "sourcetemplate clustersourcetemplates",
		p + "imagetemplate clusterimagetemplates", p + "configtemplate clusterconfigtemplates",
		p + "deploymenttemplate clusterdeploymenttemplates", p + "template clustertemplates", p + "runtemplate clusterruntemplates",
	}
	if diff := cmp.Diff(want, paths); diff != "" {
		t.Error(diff)
	}
}
