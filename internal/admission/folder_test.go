// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// writePair puts a pair into a folder as a mounted Secret would, and gives the certificate.
func writePair(t *testing.T, dir string) []byte {
	t.Helper()
	p, err := newPair([]string{"localhost"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{keyKey: p.key, certKey: p.cert} {
		next := filepath.Join(dir, name+".next")
		if err := os.WriteFile(next, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(next, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return certificates(p.cert)[0].Raw
}
