// SPDX-License-Identifier: Apache-2.0

package story_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"rhumb.run/rhumb/internal/story"
)

var yamlBlock = regexp.MustCompile("(?ms)^```yaml\n(.*?)^```")

// shown is the first YAML that the reference shows of a kind.
func shown(t *testing.T, kind string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../../docs/reference", strings.ToLower(kind)+".md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range yamlBlock.FindAllSubmatch(text, -1) {
		if strings.Contains(string(block[1]), "\nkind: "+kind+"\n") {
			return string(block[1])
		}
	}
	t.Fatalf("the reference shows no %s", kind)
	return ""
}

// What the reference shows of a delivery works together: the path is followed, and what it deploys is handed on.
func TestReferenceIsDelivered(t *testing.T) {
	owner := strings.Replace(shown(t, "Deliverable"), "metadata:\n", "metadata:\n  namespace: dev\n  uid: u-1\n", 1)
	text := "As the reference shows it.\n\n-- blueprint.yaml --\n" + shown(t, "ClusterDelivery") +
		"-- templates.yaml --\n" + shown(t, "ClusterSourceTemplate") + "---\n" + shown(t, "ClusterDeploymentTemplate") +
		"-- owner.yaml --\n" + owner + `-- observed/status.yaml --
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: demo, namespace: dev}
status: {observedGeneration: 1, artifact: {url: "http://source/demo.tar.gz", revision: main@sha1:abc}, conditions: [{type: Ready, status: "True", reason: Succeeded, message: "", lastTransitionTime: null}]}
---
apiVersion: kappctrl.k14s.io/v1alpha1
kind: App
metadata: {name: demo, namespace: dev}
status: {observedGeneration: 1, conditions: [{type: ReconcileSucceeded, status: "True"}]}
`
	s, err := story.Load([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	told, err := s.Tell(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{
		"status.yaml":  `{type: Ready, status: "True", reason: Ready, message: "", lastTransitionTime: "2024-01-01T12:00:00Z"}`,
		"objects.yaml": "url: 'http://source/demo.tar.gz'",
		"events.txt":   "ResourceOutputChanged: [deployer] found a new output in [apps.kappctrl.k14s.io/demo]",
	} {
		if !strings.Contains(told[file], want) {
			t.Errorf("%s does not hold %q:\n%s", file, want, told[file])
		}
	}
}
