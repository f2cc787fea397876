// SPDX-License-Identifier: Apache-2.0

package imageclone

import (
	"strings"
	"testing"

	"github.com/go-logr/logr/funcr"
	"github.com/google/go-cmp/cmp"

	"rhumb.run/rhumb/internal/core/clone"
	"rhumb.run/rhumb/internal/core/image"
)

// What is said at a look, as it was always said: people may look for it.
func TestDiary(t *testing.T) {
	said := func(image, why string) clone.Verdict {
		v := clone.Verdict{Choice: choiceFor(t, clone.EnvName, "nginx:1")}
		v.Image, v.Why, v.Copied = image, why, why == clone.ReasonCopied
		return v
	}
	failed := said("absent:1", clone.ReasonOriginKept)
	failed.Failure = &image.Failure{Reason: image.ReasonNotFound, Detail: "404"}
	other := said("other:1", clone.ReasonCopied)
	other.Policy = &clone.Policy{Name: "corp"}
	for name, c := range map[string]struct {
		why   string
		looks [][]clone.Verdict
		want  []string
	}{
		"Copied": {
			"each look at a copy says so",
			[][]clone.Verdict{{said("reg/nginx:1", clone.ReasonCopied)}, {said("reg/nginx:1", clone.ReasonCopied)}},
			[]string{
				"inspecting deployment", "checking deployment container reg/nginx:1", "image already cloned reg/nginx:1",
				"inspecting deployment", "checking deployment container reg/nginx:1", "image already cloned reg/nginx:1",
			},
		},
		"Copying": {
			"a copy on its way takes many looks, and is told of once",
			[][]clone.Verdict{{said("nginx:1", clone.ReasonCopying)}, {said("nginx:1", clone.ReasonCopying)}},
			[]string{"inspecting deployment", "checking deployment container nginx:1", "cloning deployment image nginx:1"},
		},
		"NotReady": {
			"a Deployment is ready or not, whatever the number of its images",
			[][]clone.Verdict{{said("nginx:1", clone.ReasonNotReady), said("redis:7", clone.ReasonNotReady)}},
			[]string{"deployment not ready yet"},
		},
		"Failed": {
			"what cannot be copied says why",
			[][]clone.Verdict{{failed}},
			[]string{"inspecting deployment", "checking deployment container absent:1", "image not cloned absent:1"},
		},
		"Others": {"policies have records and events instead", [][]clone.Verdict{{other}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			d := newDiary(funcr.NewJSON(func(line string) {
				text := func(key string) string {
					_, rest, _ := strings.Cut(line, `"`+key+`":"`)
					value, _, _ := strings.Cut(rest, `"`)
					return value
				}
				if text("name") != "web" || text("namespace") != "demo" {
					t.Errorf("it is not said of what: %s", line)
				}
				got = append(got, strings.TrimSpace(text("msg")+" "+text("image")))
			}, funcr.Options{Verbosity: 1}))
			for _, verdicts := range c.looks {
				d.Tell(named("web"), clone.Subject{Kind: "Deployment", Namespace: "demo", Name: "web"}, verdicts)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%s:\n%s", c.why, diff)
			}
		})
	}
}
