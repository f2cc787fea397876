// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rhumb.run/rhumb/test/e2e/rig"
)

// commandLine reads, with the real program, what a kubelet has to say: logs of
// init containers in their order, and each life of a container that crashes.
// No label says that the pods are the workload's; who made them does.
func commandLine(t *testing.T, lab rig.Lab) {
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	_, err := lab.Repo.Run(ctx, nil, "go", "build", "-o", lab.Repo.Path("bin", "rhumb"), "./cmd/rhumb")
	must(t, err)

	object := pods("initContainers: ["+shell("first", "echo one")+", "+shell("second", "echo two; echo three")+"], ",
		shell("app", "echo life $(cat /proc/sys/kernel/random/uuid); exit 1"))
	file := filepath.Join(t.TempDir(), "spoken.yaml")
	must(t, os.WriteFile(file, []byte(strings.NewReplacer("OBJECT", strings.ReplaceAll(object, "NAME", "spoken"), "NAME", "spoken").Replace(causeChain)), 0o600))
	_, err = lab.Kubectl(ctx, "-n", "causes", "apply", "-f", file)
	must(t, err)

	var mu sync.Mutex
	var lines []string
	enough, stop := context.WithCancel(ctx)
	defer stop()
	err = lab.Lines(enough, func(line string) {
		mu.Lock()
		defer mu.Unlock()
		if _, text, found := strings.Cut(line, "["); found {
			lines = append(lines, text)
		}
		if len(lives(lines)) >= 3 {
			stop()
		}
	}, "workload", "tail", "spoken", "-n", "causes", "--since", "1h")
	if ctx.Err() != nil {
		t.Fatalf("three lives were not heard of: %v, %q", err, lines)
	}
	mu.Lock()
	defer mu.Unlock()
	if want := []string{"first] one", "second] two", "second] three"}; len(lines) < 3 || !slices.Equal(lines[:3], want) {
		t.Errorf("the init containers are not in their order: %q", lines)
	}
	heard := lives(lines)
	slices.Sort(heard)
	if once := slices.Compact(slices.Clone(heard)); len(once) != len(heard) {
		t.Errorf("lines came twice: %q", lines)
	}

	var shown []string
	must(t, lab.Lines(ctx, func(line string) { shown = append(shown, line) }, "workload", "get", "spoken", "-n", "causes"))
	for _, want := range []string{"deployments.apps/spoken", "Cause:", "Pods\n   NAME", "--namespace causes"} {
		if !strings.Contains(strings.Join(shown, "\n"), want) {
			t.Errorf("get does not show %q:\n%s", want, strings.Join(shown, "\n"))
		}
	}
}

// lives are the lines of the container that crashes.
func lives(lines []string) []string {
	return slices.DeleteFunc(slices.Clone(lines), func(l string) bool { return !strings.HasPrefix(l, "app] life ") })
}
