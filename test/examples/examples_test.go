// SPDX-License-Identifier: Apache-2.0

package examples

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/dynamic"

	"rhumb.run/rhumb/internal/testkit/controlplane"
)

func TestMain(m *testing.M) { controlplane.Main(m) }

// cluster tries objects on the control plane, and keeps none of them.
type cluster struct {
	client    dynamic.Interface
	namespace string
}

func connect(t *testing.T) *cluster {
	t.Helper()
	plane := controlplane.New(t) // its own: it learns kinds that other tests make up
	client, err := dynamic.NewForConfig(plane.Config())
	if err != nil {
		t.Fatal(err)
	}
	return &cluster{client: client, namespace: plane.Namespace(t)}
}

// resource is where objects of a kind are created. Kinds say by their names
// whether they belong to a namespace; discovery lags behind new definitions.
func (c *cluster) resource(object *unstructured.Unstructured) dynamic.ResourceInterface {
	plural, _ := meta.UnsafeGuessKindToResource(object.GroupVersionKind())
	if strings.HasPrefix(object.GetKind(), "Cluster") || object.GetKind() == "Namespace" {
		return c.client.Resource(plural)
	}
	return c.client.Resource(plural).Namespace(cmp.Or(object.GetNamespace(), c.namespace))
}

// try asks the API server to create every object of a stream, for show; a field
// that it does not know is an error.
func (c *cluster) try(t *testing.T, in io.Reader) error {
	t.Helper()
	decoder := yaml.NewYAMLOrJSONDecoder(in, 4096)
	for {
		object := &unstructured.Unstructured{}
		switch err := decoder.Decode(&object.Object); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("reading: %w", err)
		}
		_, err := c.resource(object).Create(t.Context(), object, metav1.CreateOptions{
			DryRun: []string{metav1.DryRunAll}, FieldValidation: metav1.FieldValidationStrict,
		})
		if err != nil {
			return fmt.Errorf("creating %s %s: %w", object.GetKind(), object.GetName(), err)
		}
	}
}

func TestExamplesAreAccepted(t *testing.T) {
	c := connect(t)
	c.defineNeighbours(t)
	tried := 0
	err := filepath.WalkDir("../../examples", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".yaml" || filepath.Base(path) == "kustomization.yaml" {
			return err
		}
		tried++
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		if err := c.try(t, f); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		return f.Close()
	})
	if err != nil || tried == 0 {
		t.Fatalf("%d examples: %v", tried, err)
	}
}

// TestMisspelledIsRefused shows that the test above can fail.
func TestMisspelledIsRefused(t *testing.T) {
	text, err := os.ReadFile("../../examples/simple-supply-chain/workload.yaml")
	if err != nil {
		t.Fatal(err)
	}
	err = connect(t).try(t, strings.NewReader(strings.Replace(string(text), "serviceAccountName", "serviceAcountName", 1)))
	if err == nil || !strings.Contains(err.Error(), "serviceAcountName") {
		t.Errorf("a misspelled field: want it refused by name, got %v", err)
	}
}
