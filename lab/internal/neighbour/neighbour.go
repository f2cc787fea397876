// SPDX-License-Identifier: Apache-2.0

package neighbour

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// Git is the neighbour that is a component of the lab itself.
const Git = "git"

// Ingress is the neighbour that is reached from the machine.
const Ingress = "ingress"

// Names are the neighbours that there are.
func Names() []string { return []string{"flux", Git, Ingress, "kpack", "tekton"} }

// Neighbour is a project as 'make neighbours' left it.
type Neighbour struct {
	Name     string
	Dir      string
	Images   []Image `json:"images"`
	Manifest []byte
}

// Dir is where neighbours lie, seen from rhumb-lab.
func Dir(self, name string) string { return filepath.Join(filepath.Dir(self), "neighbours", name) }

// Open reads a neighbour from its folder.
func Open(dir, name string) (Neighbour, error) {
	n := Neighbour{Name: name, Dir: dir}
	raw, err := os.ReadFile(filepath.Join(dir, "neighbour.yaml"))
	if err == nil {
		n.Manifest, err = os.ReadFile(filepath.Join(dir, "manifest.yaml"))
	}
	if errors.Is(err, os.ErrNotExist) {
		return n, fmt.Errorf("neighbour %s is not built ('make neighbours' does that): %w", name, err)
	}
	if err != nil {
		return n, fmt.Errorf("reading neighbour %s: %w", name, err)
	}
	if err := yaml.UnmarshalStrict(raw, &n); err != nil {
		return n, fmt.Errorf("reading neighbour %s: %w", name, err)
	}
	return n, nil
}

// Object is one of a neighbour's, and where the API server keeps it.
type Object struct {
	Path string
	Body *unstructured.Unstructured
}

// Objects are the neighbour's in the order of its manifest, with each
// placeholder replaced by a reference to an image.
func (n Neighbour) Objects(references map[string]string) ([]Object, error) {
	var out []Object
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(n.Manifest), 4096)
	for {
		u := &unstructured.Unstructured{}
		switch err := decoder.Decode(&u.Object); {
		case errors.Is(err, io.EOF):
			return out, nil
		case err != nil:
			return nil, fmt.Errorf("reading the manifest of %s: %w", n.Name, err)
		case len(u.Object) == 0:
			continue
		}
		u.Object, _ = replaced(u.Object, references).(map[string]any)
		out = append(out, Object{path(u), u})
	}
}

// replaced is v with each string that is a key replaced by its value.
func replaced(v any, by map[string]string) any {
	switch v := v.(type) {
	case string:
		if to, ok := by[v]; ok {
			return to
		}
	case []any:
		for i := range v {
			v[i] = replaced(v[i], by)
		}
	case map[string]any:
		for k := range v {
			v[k] = replaced(v[k], by)
		}
	}
	return v
}

// path is where the API server keeps an object. Every manifest names the
// namespace of what has one, and no kind of theirs has an unusual plural.
func path(u *unstructured.Unstructured) string {
	gvr, _ := meta.UnsafeGuessKindToResource(u.GroupVersionKind())
	base := "/apis/" + gvr.Group + "/" + gvr.Version
	if gvr.Group == "" {
		base = "/api/" + gvr.Version
	}
	if u.GetNamespace() != "" {
		base += "/namespaces/" + u.GetNamespace()
	}
	return base + "/" + gvr.Resource + "/" + u.GetName()
}

// Deployments are the paths of the neighbour's Deployments.
func Deployments(objects []Object) []string {
	var out []string
	for _, o := range objects {
		if o.Body.GetKind() == "Deployment" {
			out = append(out, o.Path)
		}
	}
	return out
}
