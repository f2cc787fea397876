// SPDX-License-Identifier: Apache-2.0

package examples

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/yaml"

	"rhumb.run/rhumb/test/e2e/rig"
)

// neighbours are the projects whose kinds examples stamp, and where each keeps
// the definitions of its kinds.
var neighbours = []struct{ name, module, files string }{
	{"flux", "github.com/fluxcd/source-controller", "config/crd/bases/*.yaml"},
	{"kpack", "github.com/pivotal/kpack", "config/image.yaml"},
	{"kpack", "github.com/pivotal/kpack", "config/cluster[bs]*.yaml"},
	{"tekton", "github.com/tektoncd/pipeline", "config/300-crds/*.yaml"},
}

var definitions = schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}

// defineNeighbours teaches the control plane the neighbours' kinds, by the very
// files that install them.
func (c *cluster) defineNeighbours(t *testing.T) {
	t.Helper()
	repo, err := rig.Find()
	if err != nil {
		t.Fatal(err)
	}
	var defined []string
	for _, n := range neighbours {
		dir, err := repo.Upstream(t.Context(), n.name, n.module)
		if err != nil {
			t.Fatal(err)
		}
		files, err := filepath.Glob(filepath.Join(dir, n.files))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: no definitions in %s (%v)", n.name, dir, err)
		}
		for _, f := range files {
			defined = append(defined, c.define(t, f)...)
		}
	}
	for _, name := range defined {
		if err := c.established(t, name); err != nil {
			t.Fatal(err)
		}
	}
}

// define creates the definitions of a file and returns their names.
func (c *cluster) define(t *testing.T, file string) (names []string) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	decoder := yaml.NewYAMLOrJSONDecoder(f, 4096)
	for {
		u := &unstructured.Unstructured{}
		switch err := decoder.Decode(&u.Object); {
		case errors.Is(err, io.EOF):
			return names
		case err != nil:
			t.Fatalf("%s: %v", file, err)
		case len(u.Object) == 0:
			continue
		}
		// Nobody is here to convert: objects are tried in the version that is stored.
		unstructured.RemoveNestedField(u.Object, "spec", "conversion")
		if _, err := c.client.Resource(definitions).Create(t.Context(), u, metav1.CreateOptions{}); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		names = append(names, u.GetName())
	}
}

// established waits until objects of a kind can be made.
func (c *cluster) established(t *testing.T, name string) error {
	return rig.Until(t.Context(), name+" to be served", 50*time.Millisecond, func() (bool, string) {
		u, err := c.client.Resource(definitions).Get(t.Context(), name, metav1.GetOptions{})
		if err != nil {
			return false, err.Error()
		}
		conditions, _, _ := unstructured.NestedSlice(u.Object, "status", "conditions")
		for _, c := range conditions {
			if m, ok := c.(map[string]any); ok && m["type"] == "Established" && m["status"] == "True" {
				return true, ""
			}
		}
		return false, fmt.Sprint(conditions)
	})
}
