// SPDX-License-Identifier: Apache-2.0

package suite

import "testing"

func TestYttComments(t *testing.T) {
	const in = "# a\n#@ load\n#! b\nx:\n  # c\n  y: |\n    # text\n\n    #! text\n  z: 1\n#\n"
	const want = "#! a\n#@ load\n#! b\nx:\n  #! c\n  y: |\n    # text\n\n    #! text\n  z: 1\n#!\n"
	if got := yttComments(in); got != want {
		t.Errorf("%s\nwant:\n%s", got, want)
	}
}
