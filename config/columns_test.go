// SPDX-License-Identifier: Apache-2.0

package config

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const columnConditions = `[{type: Other, status: "False", reason: Broken, message: "", lastTransitionTime: "2026-01-01T00:00:00Z"},
  {type: Ready, status: "True", reason: Ready, message: "", lastTransitionTime: "2026-01-01T00:00:00Z"}]`

var columnCases = map[string]struct {
	why, text, status, columns string
	want                       []any
}{
	"Workload": {
		why: "the URL is shown where there is one",
		text: `
apiVersion: carto.run/v1alpha1
kind: Workload
metadata: {name: config-columns, namespace: default}
spec: {source: {git: {url: "https://example.com/a"}}}`,
		status:  `{supplyChainRef: {name: chain}, cause: it rains, conditions: ` + columnConditions + `}`,
		columns: "Name,Source,SupplyChain,Ready,Reason,Cause,Age",
		want:    []any{"config-columns", "https://example.com/a", "chain", "True", "Ready", "it rains"},
	},
	"Deliverable": {
		why: "a source may be an image",
		text: `
apiVersion: carto.run/v1alpha1
kind: Deliverable
metadata: {name: config-columns, namespace: default}
spec: {source: {image: example.com/a}}`,
		status:  `{deliveryRef: {name: delivery}, cause: it rains, conditions: ` + columnConditions + `}`,
		columns: "Name,Source,Delivery,Ready,Reason,Cause,Age",
		want:    []any{"config-columns", "example.com/a", "delivery", "True", "Ready", "it rains"},
	},
	"Runnable": {
		why: "a runnable has no source",
		text: `
apiVersion: carto.run/v1alpha1
kind: Runnable
metadata: {name: config-columns, namespace: default}
spec: {runTemplateRef: {name: t}}`,
		status:  `{cause: it rains, conditions: ` + columnConditions + `}`,
		columns: "Name,Ready,Reason,Cause,Age",
		want:    []any{"config-columns", "True", "Ready", "it rains"},
	},
	"ClusterSupplyChain": {
		why: "is it usable",
		text: `
apiVersion: carto.run/v1alpha1
kind: ClusterSupplyChain
metadata: {name: config-columns}
spec: {selector: {config-test: columns}, resources: []}`,
		status:  `{conditions: ` + columnConditions + `}`,
		columns: "Name,Ready,Reason,Age",
		want:    []any{"config-columns", "True", "Ready"},
	},
	"ClusterDelivery": {
		why: "is it usable",
		text: `
apiVersion: carto.run/v1alpha1
kind: ClusterDelivery
metadata: {name: config-columns}
spec: {selector: {config-test: columns}, resources: []}`,
		status:  `{conditions: ` + columnConditions + `}`,
		columns: "Name,Ready,Reason,Age",
		want:    []any{"config-columns", "True", "Ready"},
	},
	"ClusterImageTemplate": {
		why: "templates have no status",
		text: `
apiVersion: carto.run/v1alpha1
kind: ClusterImageTemplate
metadata: {name: config-columns}
spec: {imagePath: .a, ytt: a}`,
		columns: "Name,Age",
		want:    []any{"config-columns"},
	},
	"ImageRepository": {
		why: "where it is, and where it can be had",
		text: `
apiVersion: source.apps.tanzu.vmware.com/v1alpha1
kind: ImageRepository
metadata: {name: config-columns, namespace: default}
spec: {image: example.com/a}`,
		status:  `{url: "http://artifacts/a.tar.gz", conditions: ` + columnConditions + `}`,
		columns: "Name,Image,URL,Ready,Reason,Age",
		want:    []any{"config-columns", "example.com/a", "http://artifacts/a.tar.gz", "True", "Ready"},
	},
	"ImageClonePolicy": {
		why: "who wins, what it does, and how far it is",
		text: `
apiVersion: rhumb.run/v1alpha1
kind: ImageClonePolicy
metadata: {name: config-columns}
spec: {priority: -1, dryRun: true, target: {pullName: registry.example.com/mirror}}`,
		status:  `{images: {desired: 5, ready: 3, failed: 1, pending: 1}, conditions: ` + columnConditions + `}`,
		columns: "Name,Priority,Strategy,Target,Images,Copied,Failed,Ready,Reason,DryRun,Age",
		want:    []any{"config-columns", float64(-1), "Auto", "registry.example.com/mirror", float64(5), float64(3), float64(1), "True", "Ready", true},
	},
	"ClonedImage": {
		why: "what is where, and how it is",
		text: `
apiVersion: rhumb.run/v1alpha1
kind: ClonedImage
metadata: {name: config-columns}
spec: {origin: "docker.io/library/a:1", target: "example.com/docker.io/library/a:1", policy: p}`,
		status: `{state: Failed, reason: Unauthorized, side: Source, digest: "sha256:00", users: {count: 2, samples: [Deployment a/b]}, size: 1000,
  nextAttempt: "2026-01-01T00:00:00Z", bytes: {copied: 1, mounted: 2, skipped: 3}, conditions: ` + columnConditions + `}`,
		columns: "Name,Origin,Target,State,Digest,Reason,Policy,Users,Bytes,Age",
		want: []any{
			"config-columns", "docker.io/library/a:1", "example.com/docker.io/library/a:1", "Failed", "sha256:00", "Unauthorized", "p",
			float64(2), float64(1000),
		},
	},
}

// `kubectl get` prints the columns that it always printed.
func TestColumns(t *testing.T) {
	s := connect(t)
	for name, c := range columnCases {
		t.Run(name, func(t *testing.T) {
			created := s.create(t, c.text)
			var status any
			if c.status != "" {
				o, err := document{text: []byte("status: " + c.status)}.object()
				if err != nil {
					t.Fatal(err)
				}
				status = o.Object["status"]
			}
			raw := s.writeStatus(t, created, status, "application/json;as=Table;g=meta.k8s.io;v=v1")
			columns, row := table(t, raw)
			if columns != c.columns {
				t.Errorf("columns %s, want %s: %s", columns, c.columns, c.why)
			}
			if strings.Contains(c.columns, "Cause") && !wide(t, raw, "Cause") {
				t.Error("a sentence makes the narrow table unreadable: Cause is for -o wide")
			}
			if diff := cmp.Diff(c.want, row[:len(row)-1]); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.why, diff)
			}
		})
	}
}

// wide tells whether kubectl shows a column with -o wide only.
func wide(t *testing.T, raw []byte, column string) bool {
	t.Helper()
	var table metav1.Table
	if err := json.Unmarshal(raw, &table); err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(table.ColumnDefinitions, func(c metav1.TableColumnDefinition) bool { return c.Name == column })
	return i >= 0 && table.ColumnDefinitions[i].Priority > 0
}

// table reads what kubectl would print.
func table(t *testing.T, raw []byte) (columns string, row []any) {
	t.Helper()
	var table metav1.Table
	if err := json.Unmarshal(raw, &table); err != nil {
		t.Fatal(err)
	}
	if len(table.Rows) != 1 {
		t.Fatalf("no table of one row: %s", raw)
	}
	var names []string
	for _, c := range table.ColumnDefinitions {
		names = append(names, c.Name)
	}
	return strings.Join(names, ","), table.Rows[0].Cells
}
