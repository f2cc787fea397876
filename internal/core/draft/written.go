// SPDX-License-Identifier: Apache-2.0

package draft

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"sigs.k8s.io/yaml"

	"rhumb.run/rhumb/api/carto/v1alpha1"
)

// foreign says whether an annotation is kubectl's note to itself.
func foreign(annotation string) bool {
	return strings.HasPrefix(annotation, "kubectl.kubernetes.io/")
}

// Written is what a developer wrote of a Workload: no status, and nothing that
// the API server added.
func Written(w *v1alpha1.Workload) (map[string]any, error) {
	raw, err := json.Marshal(w.Spec)
	if err != nil {
		return nil, fmt.Errorf("writing workload %q: %w", w.Name, err)
	}
	spec := map[string]any{}
	if err := json.Unmarshal(raw, &spec); err != nil {
		return nil, fmt.Errorf("writing workload %q: %w", w.Name, err)
	}
	if build, ok := spec["build"].(map[string]any); ok && len(build) == 0 {
		delete(spec, "build") // a struct, which omitempty does not leave out
	}
	metadata := map[string]any{"name": w.Name}
	if w.Namespace != "" {
		metadata["namespace"] = w.Namespace
	}
	if m := texts(w.Labels); len(m) > 0 {
		metadata["labels"] = m
	}
	if m := texts(w.Annotations); len(m) > 0 {
		metadata["annotations"] = m
	}
	return map[string]any{"apiVersion": v1alpha1.SchemeGroupVersion.String(), "kind": "Workload", "metadata": metadata, "spec": spec}, nil
}

func texts(from map[string]string) map[string]any {
	out := map[string]any{}
	for k, v := range from {
		if !foreign(k) {
			out[k] = v
		}
	}
	return out
}

// YAML is what a developer wrote, as a document.
func YAML(w *v1alpha1.Workload) (string, error) {
	m, err := Written(w)
	if err != nil {
		return "", err
	}
	text, err := yaml.Marshal(m)
	return "---\n" + string(text), err
}

// Same says whether nothing would change.
func Same(a, b *v1alpha1.Workload) (bool, error) {
	x, err := Written(a)
	if err != nil {
		return false, err
	}
	y, err := Written(b)
	return err == nil && reflect.DeepEqual(x, y), err
}

// Patch is a merge patch that turns one Workload into the other, and touches
// nothing in which they agree: fields that this program does not know stay as
// they are. It only fits the version that it was made of.
func Patch(there, wanted *v1alpha1.Workload) ([]byte, error) {
	x, err := Written(there)
	if err != nil {
		return nil, err
	}
	y, err := Written(wanted)
	if err != nil {
		return nil, err
	}
	patch := difference(x, y)
	metadata, _ := patch["metadata"].(map[string]any)
	if metadata == nil {
		metadata = map[string]any{}
	}
	metadata["resourceVersion"] = there.ResourceVersion
	patch["metadata"] = metadata
	return json.Marshal(patch)
}

func difference(from, to map[string]any) map[string]any {
	out := map[string]any{}
	for k, now := range to {
		was, there := from[k]
		a, isMap := was.(map[string]any)
		b, willBe := now.(map[string]any)
		switch {
		case !there:
			out[k] = now
		case isMap && willBe:
			if d := difference(a, b); len(d) > 0 {
				out[k] = d
			}
		case !reflect.DeepEqual(was, now):
			out[k] = now
		}
	}
	for k := range from {
		if _, stays := to[k]; !stays {
			out[k] = nil
		}
	}
	return out
}
