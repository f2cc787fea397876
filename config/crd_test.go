// SPDX-License-Identifier: Apache-2.0

package config

import (
	"io/fs"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"
)

// definitions reads every definition of crd/.
func definitions(t *testing.T) []*apiextensionsv1.CustomResourceDefinition {
	t.Helper()
	files, err := fs.Glob(CRDs, "crd/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var out []*apiextensionsv1.CustomResourceDefinition
	for _, file := range files {
		text, err := CRDs.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		crd := &apiextensionsv1.CustomResourceDefinition{}
		if err := yaml.UnmarshalStrict(text, crd); err != nil {
			t.Fatalf("decoding %s: %v", file, err)
		}
		if want := "crd/" + crd.Name + ".yaml"; file != want {
			t.Errorf("%s holds %s, which belongs into %s", file, crd.Name, want)
		}
		out = append(out, crd)
	}
	if len(out) != 16 {
		t.Fatalf("got %d definitions, want 16", len(out))
	}
	return out
}

// `kubectl explain` has something to say of every field.
func TestEveryFieldIsExplained(t *testing.T) {
	for _, crd := range definitions(t) {
		schema := crd.Spec.Versions[0].Schema.OpenAPIV3Schema
		unexplained(schema, "", func(path string) { t.Errorf("%s%s has no description", crd.Spec.Names.Kind, path) })
	}
}

// unexplained tells of every field without a description. What the API server explains itself, metadata, is left out.
func unexplained(s *apiextensionsv1.JSONSchemaProps, path string, tell func(string)) {
	for name, field := range s.Properties {
		at := path + "." + name
		if at == ".metadata" {
			continue
		}
		if strings.TrimSpace(field.Description) == "" {
			tell(at)
		}
		unexplained(&field, at, tell)
	}
	if s.Items != nil {
		unexplained(s.Items.Schema, path+"[]", tell)
	}
	if s.AdditionalProperties != nil && s.AdditionalProperties.Schema != nil {
		unexplained(s.AdditionalProperties.Schema, path+"[*]", tell)
	}
}

// The names by which people call the kinds, and whether the kinds have a status, are what they always were.
func TestNames(t *testing.T) {
	type names struct {
		plural, short, categories, scope string
		status                           bool
	}
	want := map[string]names{
		"Workload":                  {"workloads", "wld", "all", "Namespaced", true},
		"Deliverable":               {"deliverables", "dlv", "all", "Namespaced", true},
		"Runnable":                  {"runnables", "run", "", "Namespaced", true},
		"ClusterSupplyChain":        {"clustersupplychains", "csc", "", "Cluster", true},
		"ClusterDelivery":           {"clusterdeliveries", "cd", "", "Cluster", true},
		"ClusterSourceTemplate":     {"clustersourcetemplates", "cst", "", "Cluster", false},
		"ClusterImageTemplate":      {"clusterimagetemplates", "cit", "", "Cluster", false},
		"ClusterConfigTemplate":     {"clusterconfigtemplates", "cct", "", "Cluster", false},
		"ClusterDeploymentTemplate": {"clusterdeploymenttemplates", "cdt", "", "Cluster", false},
		"ClusterTemplate":           {"clustertemplates", "ct", "", "Cluster", false},
		"ClusterRunTemplate":        {"clusterruntemplates", "crt", "", "Cluster", false},
		"Pipeline":                  {"pipelines", "", "", "Namespaced", true},
		"RunTemplate":               {"runtemplates", "", "", "Namespaced", false},
		"ImageRepository":           {"imagerepositories", "", "", "Namespaced", true},
		"ImageClonePolicy":          {"imageclonepolicies", "icp", "rhumb", "Cluster", true},
		"ClonedImage":               {"clonedimages", "cimg", "rhumb", "Cluster", true},
	}
	for _, crd := range definitions(t) {
		n, v := crd.Spec.Names, crd.Spec.Versions[0]
		got := names{
			plural: n.Plural, short: strings.Join(n.ShortNames, ","), categories: strings.Join(n.Categories, ","),
			scope: string(crd.Spec.Scope), status: v.Subresources != nil && v.Subresources.Status != nil,
		}
		if got != want[n.Kind] {
			t.Errorf("%s is %+v, want %+v", n.Kind, got, want[n.Kind])
		}
		_, hasStatus := v.Schema.OpenAPIV3Schema.Properties["status"]
		if hasStatus != got.status {
			t.Errorf("%s: status field %t, status subresource %t", n.Kind, hasStatus, got.status)
		}
		if required := strings.Join(v.Schema.OpenAPIV3Schema.Required, ","); required != "metadata,spec" {
			t.Errorf("%s requires %s, want metadata,spec", n.Kind, required)
		}
	}
}
