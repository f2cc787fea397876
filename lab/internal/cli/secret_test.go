// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"os"
	"path/filepath"
	"testing"

	"rhumb.run/rhumb/lab/internal/layout"
)

func TestKeepSecret(t *testing.T) {
	for name, tc := range map[string]struct {
		why, text string
		fails     bool
	}{
		"Kept":   {"a box may not see the user's files", "token\n", false},
		"Empty":  {"nothing would be signed, and nobody would say so", " \n", true},
		"Absent": {"a typo is not a wish for no signature", "", true},
	} {
		t.Run(name, func(t *testing.T) {
			file, l := filepath.Join(t.TempDir(), "secret"), layout.Layout{Root: t.TempDir()}
			if tc.text != "" {
				if err := os.WriteFile(file, []byte(tc.text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if err := (&upFlags{gitSecret: file}).keepSecret(l); (err != nil) != tc.fails {
				t.Fatalf("%s: %v", tc.why, err)
			}
			info, err := os.Stat(l.GitSecret())
			if tc.fails {
				if err == nil {
					t.Errorf("%s: something was kept", tc.why)
				}
				return
			}
			if err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%s: %v, %v", tc.why, info, err)
			}
		})
	}
}
