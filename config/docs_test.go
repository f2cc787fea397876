// SPDX-License-Identifier: Apache-2.0

package config

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

var yamlBlock = regexp.MustCompile("(?ms)^```yaml\n(.*?)^```")

// What the reference shows of our kinds is accepted as it stands.
func TestReferenceIsAccepted(t *testing.T) {
	s := connect(t)
	pages, err := filepath.Glob("../docs/reference/*.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]bool{}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range yamlBlock.FindAllSubmatch(text, -1) {
			for _, d := range split(block[1]) {
				object, err := d.object()
				if err != nil {
					t.Fatalf("%s: %v", page, err)
				}
				group := object.GroupVersionKind().Group
				if group != "carto.run" && group != "source.apps.tanzu.vmware.com" && group != "rhumb.run" {
					continue
				}
				shown[object.GetKind()] = true
				if object.GetNamespace() == "" && namespaced[object.GetKind()] {
					object.SetNamespace("default")
				}
				if err := s.dryRun(t.Context(), object); err != nil {
					t.Errorf("%s: %v", page, err)
				}
			}
		}
	}
	for _, crd := range definitions(t) {
		if kind := crd.Spec.Names.Kind; !shown[kind] {
			t.Errorf("the reference shows no %s", kind)
		}
	}
}

var namespaced = map[string]bool{"Workload": true, "Deliverable": true, "Runnable": true, "Pipeline": true, "RunTemplate": true, "ImageRepository": true}
