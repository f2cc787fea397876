// SPDX-License-Identifier: Apache-2.0

package suite_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"rhumb.run/rhumb/internal/suite"
)

const (
	template = `
-- template.yaml --
{apiVersion: carto.run/v1alpha1, kind: ClusterTemplate, metadata: {name: t}, spec: {template: {apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {size: 2, p: $(params.p)$}}}}
-- workload.yaml --
{apiVersion: carto.run/v1alpha1, kind: Workload, metadata: {name: w}, spec: {params: [{name: p, value: own}]}}
`
	expected = `
-- expected.yaml --
{apiVersion: v1, kind: ConfigMap, data: {size: 2.0, p: own}}
`
	named = "\n-- info.yaml --\ncompareOptions: {ignoreMetadata: true, namedCMPOptionFuncs: "
	lax   = "\n-- info.yaml --\ncompareOptions: {ignoreMetadata: true}\n"
)

func TestCases(t *testing.T) {
	for name, c := range map[string]struct {
		why, files string
		want       string // a part of what is wrong; empty if nothing is
	}{
		"Numbers":  {"a number is what it is worth", template + expected + lax, ""},
		"Metadata": {"metadata is compared unless it is not to be", template + expected, "is not what is expected"},
		"Forced":   {"a value of the chain wins over the owner's", template + expected + lax + "given: {mockSupplyChain: {blueprintParams: [{name: p, value: forced}]}}\n", "+  p: forced"},
		"Open":     {"a default does not", template + expected + lax + "given: {mockSupplyChain: {blueprintParams: [{name: p, default: mine}]}}\n", ""},
		"Both":     {"which of the two?", template + expected + lax + "given: {mockSupplyChain: {blueprintParams: [{name: p, default: a, value: b}]}}\n", "must set exactly one of value and default"},
		"Neither":  {"none of the two", template + expected + lax + "given: {mockSupplyChain: {blueprintParams: [{name: p}]}}\n", "must set exactly one of value and default"},
		"TwoChains": {
			"which chain?", template + expected + lax + "given: {mockSupplyChain: {}, supplyChain: {targetResourceName: a}}\n",
			"mockSupplyChain, supplyChain and delivery exclude each other",
		},
		"Option":  {"a comparison that is not there", template + expected + named + "[Nothing]}\n", `there is no comparison "Nothing"`},
		"Known":   {"the one that is", template + expected + named + "[ConvertNumbersToFloatsDuringComparison]}\n", ""},
		"NoOwner": {"nobody to stamp for", strings.Replace(template, "workload.yaml", "someone.yaml", 1) + expected + lax, "add workload.yaml or deliverable.yaml"},
		"TwoMore": {"an object that nobody stamps", template + expected + "---\n{apiVersion: v1, kind: Secret, metadata: {name: b}}\n" + lax, "Secret/b is expected, but nothing more is stamped"},
		"Outputs": {
			"an output is what it is worth, too", strings.NewReplacer("ClusterTemplate", "ClusterConfigTemplate", "spec: {template", "spec: {configPath: .data.size, template").Replace(template) +
				"\n-- info.yaml --\nexpectedOutputs: {config: 2}\n", "",
		},
		"OutputsDiffer": {
			"and is compared", strings.NewReplacer("ClusterTemplate", "ClusterConfigTemplate", "spec: {template", "spec: {configPath: .data.size, template").Replace(template) +
				"\n-- info.yaml --\nexpectedOutputs: {config: 3}\n", "the outputs are not what is expected",
		},
		"NoOutput": {
			"why there is none", strings.NewReplacer("ClusterTemplate", "ClusterConfigTemplate", "spec: {template", "spec: {configPath: .data.none, template").Replace(template) +
				"\n-- info.yaml --\nexpectedOutputs: {config: 2}\n", "no output can be read: ",
		},
		"Template": {"what a cluster refuses", strings.Replace(template, "$(params.p)$", `"$(params[)$"`, 1) + expected + lax, "is refused by the cluster: invalid template"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for _, f := range txtar.Parse([]byte(c.files)).Files {
				if err := os.WriteFile(filepath.Join(dir, f.Name), f.Data, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			found, err := suite.Find(dir)
			if err != nil || len(found.Cases) != 1 {
				t.Fatalf("%s: %v, %v", c.why, found, err)
			}
			err = found.Cases[0].Run(t.Context(), nil)
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v, want %q", c.why, err, c.want)
			}
		})
	}
}

// A folder without anything to test or expect is none; one with a setting is.
func TestFind(t *testing.T) {
	for file, want := range map[string]int{"template.yaml": 1, "expected.yaml": 1, "info.yaml": 1, "workload.yaml": 0, "README.md": 0} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, file), nil, 0o644); err != nil {
			t.Fatal(err)
		}
		found, err := suite.Find(dir)
		if (err == nil) != (want > 0) || err == nil && len(found.Cases) != want {
			t.Errorf("a folder with %s: %v, %v, want %d cases", file, found, err, want)
		}
	}
}
