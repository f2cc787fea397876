// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rhumb.run/rhumb/lab/internal/hub"
)

func TestPrintHub(t *testing.T) {
	for name, tc := range map[string]struct {
		why   string
		state hub.State
		want  string
	}{
		"Nothing": {"an empty answer looks like none", hub.State{}, "nothing was asked\n"},
		"Asked":   {"by method and kind", hub.State{Requests: map[string]int{"HEAD manifests": 2, "GET blobs": 1}}, "GET blobs        1\nHEAD manifests   2\n"},
		"Paced":   {"what was set is said beside", hub.State{Pace: 5}, "nothing was asked\n5 bytes of each blob a second\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			printHub(&out, tc.state)
			if diff := cmp.Diff(tc.want, out.String()); diff != "" {
				t.Errorf("%s: -want +got\n%s", tc.why, diff)
			}
		})
	}
}
