// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// BenchmarkProcess is what a user waits for: a process is started, and ends.
func BenchmarkProcess(b *testing.B) {
	rhumb := filepath.Join(b.TempDir(), "rhumb")
	if out, err := exec.CommandContext(b.Context(), "go", "build", "-o", rhumb, ".").CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	const examples = "../../examples"
	for name, args := range map[string][]string{
		"version":      {"version"},
		"lint":         {"lint", "--complete", examples},
		"render":       {"render", "-f", examples + "/simple-supply-chain", "--output", "image-builder.image=a"},
		"test":         {"test", examples + "/simple-supply-chain/story.txtar"},
		"test-stories": {"test", "../../test/stories"},
	} {
		b.Run(name, func(b *testing.B) {
			cpu := time.Duration(0)
			for b.Loop() {
				cmd := exec.CommandContext(b.Context(), rhumb, args...)
				if out, err := cmd.CombinedOutput(); err != nil {
					b.Fatalf("%v: %s", err, out)
				}
				cpu += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
			}
			b.ReportMetric(float64(cpu.Milliseconds())/float64(b.N), "cpu-ms/op")
		})
	}
}
