// SPDX-License-Identifier: Apache-2.0

package examples

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rhumb.run/rhumb/test/e2e/rig"
)

// kubectl runs it against the control plane of this test run.
func kubectl(t *testing.T, args ...string) (string, error) {
	t.Helper()
	config := os.Getenv("RHUMB_TEST_KUBECONFIG")
	if config == "" {
		t.Fatal("no control plane: run `make test`, or test/with-control-plane go test ./test/examples")
	}
	repo, err := rig.Find()
	if err != nil {
		t.Fatal(err)
	}
	return repo.Run(t.Context(), []string{"KUBECONFIG=" + config}, repo.Path("bin", "kubectl"), args...)
}

func installed(t *testing.T) {
	t.Helper()
	for _, args := range [][]string{
		{"apply", "--server-side", "--force-conflicts", "-f", "config/crd"},
		{"wait", "--for=condition=Established", "--timeout=60s", "-f", "config/crd"},
	} {
		if _, err := kubectl(t, args...); err != nil {
			t.Fatal(err)
		}
	}
}

func TestExamplesAreAccepted(t *testing.T) {
	installed(t)
	chains, err := filepath.Glob("../../examples/*/admin")
	if err != nil || len(chains) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, admin := range chains {
		folder := filepath.Dir(strings.TrimPrefix(admin, "../../"))
		t.Run(filepath.Base(folder), func(t *testing.T) {
			if _, err := kubectl(t, "apply", "--dry-run=server", "--validate=strict", "-R", "-f", folder); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestMisspelledIsRefused shows that the test above can fail.
func TestMisspelledIsRefused(t *testing.T) {
	installed(t)
	text, err := os.ReadFile("../../examples/simple-supply-chain/workload.yaml")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "workload.yaml")
	if err := os.WriteFile(path, []byte(strings.Replace(string(text), "serviceAccountName", "serviceAcountName", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := kubectl(t, "apply", "--dry-run=server", "--validate=strict", "-f", path)
	if err == nil || !strings.Contains(err.Error(), "serviceAcountName") {
		t.Errorf("a misspelled field was accepted: %s (%v)", out, err)
	}
}
