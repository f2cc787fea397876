// SPDX-License-Identifier: Apache-2.0

package config

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/discovery"
)

// dryCreate is what the server would make of an object.
func (s *server) dryCreate(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	object, err := document{text: []byte(text)}.object()
	if err != nil {
		t.Fatal(err)
	}
	at, err := s.at(object)
	if err != nil {
		t.Fatal(err)
	}
	created, err := at.Create(t.Context(), object, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	if err != nil {
		t.Fatal(err)
	}
	return created
}

// create writes an object that goes when the test ends.
func (s *server) create(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	object, err := document{text: []byte(text)}.object()
	if err != nil {
		t.Fatal(err)
	}
	at, err := s.at(object)
	if err != nil {
		t.Fatal(err)
	}
	created, err := at.Create(t.Context(), object, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := at.Delete(context.Background(), created.GetName(), metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	})
	return created
}

var defaultCases = map[string]struct {
	why, text string
	want      map[string]any
}{
	"Template": {
		why: "templates are mutable unless they say otherwise, and hold objects of any shape",
		text: `
apiVersion: carto.run/v1alpha1
kind: ClusterTemplate
metadata: {name: config-test}
spec: {template: {kind: ConfigMap, any: {thing: [1]}}, unknown: 1}`,
		want: map[string]any{
			"lifecycle": "mutable",
			"template":  map[string]any{"kind": "ConfigMap", "any": map[string]any{"thing": []any{int64(1)}}},
		},
	},
	"Runnable": {
		why: "ten of each are kept, and inputs are values of any shape",
		text: `
apiVersion: carto.run/v1alpha1
kind: Runnable
metadata: {name: config-test, namespace: default}
spec: {runTemplateRef: {name: t}, inputs: {a: {b: [null]}}, unknown: 1}`,
		want: map[string]any{
			"runTemplateRef":  map[string]any{"name": "t"},
			"inputs":          map[string]any{"a": map[string]any{"b": []any{nil}}},
			"retentionPolicy": map[string]any{"maxFailedRuns": int64(10), "maxSuccessfulRuns": int64(10)},
		},
	},
	"ImageRepository": {
		why: "five minutes are often enough, and every namespace has a default account",
		text: `
apiVersion: source.apps.tanzu.vmware.com/v1alpha1
kind: ImageRepository
metadata: {name: config-test, namespace: default}
spec: {image: a}`,
		want: map[string]any{"image": "a", "interval": "5m", "serviceAccountName": "default"},
	},
	"ImageClonePolicy": {
		why: "a target is enough; what starts the registry does not wait for the registry",
		text: `
apiVersion: rhumb.run/v1alpha1
kind: ImageClonePolicy
metadata: {name: config-test}
spec: {target: {pullName: registry.example.com, caSecretRef: {name: ca}}}`,
		want: map[string]any{
			"priority": int64(0),
			"match": map[string]any{
				"namespaceSelector": map[string]any{"matchExpressions": []any{map[string]any{
					"key": "kubernetes.io/metadata.name", "operator": "NotIn",
					"values": []any{"kube-system", "kube-public", "kube-node-lease", "rhumb-system"},
				}}},
				"ownedWorkloads": "Skip",
				"images":         map[string]any{},
			},
			"target": map[string]any{
				"pullName": "registry.example.com", "naming": "HostPath", "caSecretRef": map[string]any{"name": "ca", "key": "ca.crt"},
			},
			"copy":    map[string]any{"referrers": true, "cosignTags": true, "nonDistributable": "Skip", "timeoutPerImage": "30m"},
			"rewrite": map[string]any{"strategy": "Auto", "order": "TargetFirst", "pin": "None", "maxConcurrentRollouts": int64(3)},
			"refresh": map[string]any{"mode": "Auto", "interval": "6h"},
			"cleanup": map[string]any{"retention": "168h"},
		},
	},
	"ImageClonePolicyOfAll": {
		why: "who writes an empty selector means every namespace",
		text: `
apiVersion: rhumb.run/v1alpha1
kind: ImageClonePolicy
metadata: {name: config-test}
spec:
  match: {namespaceSelector: {}, ownedWorkloads: Include, images: {}}
  target: {pullName: registry.example.com}
  copy: {referrers: false, cosignTags: false, nonDistributable: Copy, timeoutPerImage: 1s}
  rewrite: {strategy: None, order: OriginFirst, pin: Digest, maxConcurrentRollouts: 1}
  refresh: {mode: Never, interval: 1m}
  cleanup: {enabled: true, retention: 0s}`,
		want: map[string]any{
			"priority": int64(0),
			"match":    map[string]any{"namespaceSelector": map[string]any{}, "ownedWorkloads": "Include", "images": map[string]any{}},
			"target":   map[string]any{"pullName": "registry.example.com", "naming": "HostPath"},
			"copy":     map[string]any{"referrers": false, "cosignTags": false, "nonDistributable": "Copy", "timeoutPerImage": "1s"},
			"rewrite":  map[string]any{"strategy": "None", "order": "OriginFirst", "pin": "Digest", "maxConcurrentRollouts": int64(1)},
			"refresh":  map[string]any{"mode": "Never", "interval": "1m"},
			"cleanup":  map[string]any{"enabled": true, "retention": "0s"},
		},
	},
	"Workload": {
		why: "nothing is filled in: templates tell what is not there from what is",
		text: `
apiVersion: carto.run/v1alpha1
kind: Workload
metadata: {name: config-test, namespace: default}
spec: {params: [{name: a, value: {b: {c: 1}}}], unknown: 1, source: {git: {unknown: 1}}}`,
		want: map[string]any{
			"params": []any{map[string]any{"name": "a", "value": map[string]any{"b": map[string]any{"c": int64(1)}}}},
			"source": map[string]any{"git": map[string]any{}},
		},
	},
}

// What a user leaves out is filled in; what the API does not know is dropped, but for the insides of templates and values.
func TestDefaultsAndPruning(t *testing.T) {
	s := connect(t)
	for name, c := range defaultCases {
		t.Run(name, func(t *testing.T) {
			created := s.dryCreate(t, c.text)
			if diff := cmp.Diff(c.want, created.Object["spec"]); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.why, diff)
			}
		})
	}
}

// A status is written apart from the spec; a spec that comes with one loses it.
func TestStatusIsApart(t *testing.T) {
	s := connect(t)
	created := s.create(t, `
apiVersion: carto.run/v1alpha1
kind: Workload
metadata: {name: config-status, namespace: default}
spec: {}
status: {cause: made up}`)
	if status, ok := created.Object["status"]; ok {
		t.Errorf("created with status %v", status)
	}
	want := map[string]any{
		"observedGeneration": int64(1),
		"cause":              "the image is not there",
		"supplyChainRef":     map[string]any{"kind": "ClusterSupplyChain", "name": "c"},
		"resources": []any{map[string]any{
			"name": "image",
			"stampedRef": map[string]any{
				"apiVersion": "v1", "kind": "ConfigMap", "name": "a", "namespace": "default", "resource": "configmaps",
			},
			"templateRef": map[string]any{"apiVersion": "carto.run/v1alpha1", "kind": "ClusterImageTemplate", "name": "t"},
			"inputs":      []any{map[string]any{"name": "source"}},
			"outputs": []any{map[string]any{
				"name": "image", "preview": "a\n", "digest": "sha256:00", "lastTransitionTime": "2026-01-01T00:00:00Z",
			}},
			"record": map[string]any{
				"inputsDigest": "sha256:01", "templateUID": "u", "templateGeneration": int64(3), "appliedDigest": "sha256:02",
				"storedDigest": "sha256:03", "observedGeneration": int64(4),
			},
		}},
	}
	var got unstructured.Unstructured
	if err := got.UnmarshalJSON(s.writeStatus(t, created, want, "application/json")); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got.Object["status"]); diff != "" {
		t.Errorf("status (-want +got):\n%s", diff)
	}
}

// writeStatus asks what the server would show of an object with that status, or without one as it is. It is a dry run: a controller that watches the same server could
// write another in between.
func (s *server) writeStatus(t *testing.T, object *unstructured.Unstructured, status any, accept string) []byte {
	t.Helper()
	client, err := discovery.NewDiscoveryClientForConfig(s.config)
	if err != nil {
		t.Fatal(err)
	}
	kind := object.GroupVersionKind()
	mapping, err := s.mapper.RESTMapping(kind.GroupKind(), kind.Version)
	if err != nil {
		t.Fatal(err)
	}
	path := []string{"apis", kind.Group, kind.Version}
	if ns := object.GetNamespace(); ns != "" {
		path = append(path, "namespaces", ns)
	}
	path = append(path, mapping.Resource.Resource, object.GetName())
	if status == nil {
		raw, err := client.RESTClient().Get().AbsPath(path...).SetHeader("Accept", accept).DoRaw(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	patch, err := json.Marshal([]any{map[string]any{"op": "add", "path": "/status", "value": status}})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := client.RESTClient().Patch(types.JSONPatchType).AbsPath(append(path, "status")...).
		Param("dryRun", metav1.DryRunAll).Param("fieldValidation", metav1.FieldValidationStrict).
		SetHeader("Accept", accept).Body(patch).DoRaw(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// The largest chain that the definition lets in is one whose rules the server can afford.
func TestLargestChain(t *testing.T) {
	s := connect(t)
	long := func(i int) string { return fmt.Sprintf("%s-%03d", strings.Repeat("n", 249), i) }
	var resources []any
	for i := range 50 {
		r := map[string]any{
			"name":        long(i),
			"templateRef": map[string]any{"kind": "ClusterSourceTemplate", "name": "t"},
		}
		var in []any
		for j := range min(i, 16) {
			in = append(in, map[string]any{"name": long(j), "resource": long(i - 1 - j)})
		}
		if in != nil {
			r["sources"] = in
		}
		resources = append(resources, r)
	}
	chain := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "carto.run/v1alpha1", "kind": "ClusterSupplyChain", "metadata": map[string]any{"name": "largest"},
		"spec": map[string]any{"selector": map[string]any{"a": "b"}, "resources": resources},
	}}
	if err := s.dryRun(t.Context(), chain); err != nil {
		t.Error(err)
	}
}
