// SPDX-License-Identifier: Apache-2.0

package kube_test

import (
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/kube"
)

const stampedText = `
apiVersion: test.run/v1
kind: Test
metadata:
  name: x
  labels: {carto.run/resource-name: build}
  annotations: {kubectl.kubernetes.io/last-applied-configuration: "{}", mine: "1"}
  managedFields: [{manager: kubectl}]
spec: {list: [{image: app}, 3, true, null], text: ""}`

const ownerText = `
metadata: {name: app, labels: {type: web}}
status:
  conditions: [{type: Ready, status: "True", reason: Ready}]
  resources:
  - name: build
    stampedRef: {kind: Test, name: x, resource: tests.test.run}
    templateRef: {kind: ClusterTemplate, name: build}
    inputs: [{name: source}]
    outputs: [{name: image, preview: app}]
    conditions: [{type: Healthy, status: "True", reason: Ready}]
    record: {appliedDigest: "sha256:1"}`

func read[T any](t *testing.T, text string, into T) T {
	t.Helper()
	if err := yaml.Unmarshal([]byte(text), into); err != nil {
		t.Fatal(err)
	}
	return into
}

func compacted[T any](t *testing.T, object T) T {
	t.Helper()
	out, err := kube.Compact(object)
	if err != nil {
		t.Fatal(err)
	}
	return out.(T)
}

func same(a, b string) bool { return unsafe.StringData(a) == unsafe.StringData(b) }

func TestCompactSharesTexts(t *testing.T) {
	object := func() *unstructured.Unstructured {
		u := &unstructured.Unstructured{}
		read(t, stampedText, &u.Object)
		return compacted(t, u)
	}
	a, b := object(), object()
	if !same(a.GetLabels()["carto.run/resource-name"], b.GetLabels()["carto.run/resource-name"]) || !same(a.GetKind(), b.GetKind()) {
		t.Error("two objects have equal texts, each of its own")
	}
	for key := range a.Object {
		for other := range b.Object {
			if key == other && !same(key, other) {
				t.Errorf("two objects have the key %s, each of its own", key)
			}
		}
	}
	one, two := compacted(t, read(t, ownerText, &v1alpha1.Workload{})), compacted(t, read(t, ownerText, &v1alpha1.Deliverable{}))
	if !same(one.Status.Conditions[0].Reason, two.Status.Resources[0].Conditions[0].Reason) || !same(one.Status.Resources[0].StampedRef.Kind, two.Status.Resources[0].StampedRef.Kind) {
		t.Error("the statuses of two owners have equal texts, each of its own")
	}
}

// What is kept says what came, but for what nobody reads.
func TestCompactChangesNothing(t *testing.T) {
	got := compacted(t, &unstructured.Unstructured{Object: *read(t, stampedText, &map[string]any{})})
	want := *read(t, stampedText, &map[string]any{})
	metadata := want["metadata"].(map[string]any)
	delete(metadata, "managedFields")
	metadata["annotations"] = map[string]any{"mine": "1"}
	if diff := cmp.Diff(want, got.Object); diff != "" {
		t.Errorf("stamped object (-came +kept):\n%s", diff)
	}
	if diff := cmp.Diff(read(t, ownerText, &v1alpha1.Workload{}), compacted(t, read(t, ownerText, &v1alpha1.Workload{}))); diff != "" {
		t.Errorf("owner (-came +kept):\n%s", diff)
	}
	if out, err := kube.Compact("tombstone"); err != nil || out != "tombstone" {
		t.Errorf("what is no object came back as %v, %v", out, err)
	}
}
