// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"rhumb.run/rhumb/lab/internal/layout"
)

// TestBundle shows whom images trust, and that what says so is written only
// when it changes: each image is made again then.
func TestBundle(t *testing.T) {
	machine := filepath.Join(t.TempDir(), "machine.crt")
	for name, tc := range map[string]struct {
		why, machine, want string
	}{
		"Both":    {"the machine's and the lab's own", "theirs\n", "theirs\nours\n"},
		"OurOwn":  {"not every machine says whom it trusts", "", "ours\n"},
		"Another": {"the machine trusts others now", "others\n", "others\nours\n"},
	} {
		t.Run(name, func(t *testing.T) {
			l := layout.Layout{Root: t.TempDir()}
			if err := os.MkdirAll(l.State("pki"), 0o700); err != nil {
				t.Fatal(err)
			}
			for file, text := range map[string]string{machine: tc.machine, l.PKI("outside-ca.crt"): "ours\n"} {
				if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if tc.machine == "" {
				if err := os.Remove(machine); err != nil {
					t.Fatal(err)
				}
			}
			old := time.Unix(1, 0)
			for range 2 {
				if err := bundle(l, machine); err != nil {
					t.Fatal(err)
				}
				if got, err := os.ReadFile(l.Authorities()); err != nil || string(got) != tc.want {
					t.Errorf("%s: got %q, %v", tc.why, got, err)
				}
				if err := os.Chtimes(l.Authorities(), old, old); err != nil {
					t.Fatal(err)
				}
			}
			if err := bundle(l, machine); err != nil {
				t.Fatal(err)
			}
			if info, err := os.Stat(l.Authorities()); err != nil || !info.ModTime().Equal(old) {
				t.Errorf("what is unchanged was written again: %v, %v", info, err)
			}
		})
	}
}
