// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package archive

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestSkopeoReadsArchives has somebody else open what we wrote: an OCI layout is one to skopeo too, as a folder and as a tar.
func TestSkopeoReadsArchives(t *testing.T) {
	dir := t.TempDir()
	for path, kind := range map[string]string{"images": "oci", "images.tar": "oci-archive"} {
		at := filepath.Join(dir, path)
		digest := exported(t, at)
		from := kind + ":" + at
		to := "dir:" + filepath.Join(dir, path+".dir")
		for _, args := range [][]string{
			{"inspect", "--raw", from},
			{"copy", "--all", from, to},
		} {
			cmd := exec.CommandContext(t.Context(), "skopeo", append([]string{"--insecure-policy"}, args...)...)
			var words strings.Builder
			cmd.Stderr = &words
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("skopeo %q: %v: %s (test/packages test/bench/cloner/packages.txt installs it)", args, err, words.String())
			}
			if args[0] == "inspect" && digestOf(out) != digest {
				t.Errorf("skopeo %q reads %s, exported was %s", args, digestOf(out), digest)
			}
		}
	}
}
