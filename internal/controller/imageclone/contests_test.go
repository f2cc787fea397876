// SPDX-License-Identifier: Apache-2.0

package imageclone

import (
	"maps"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"rhumb.run/rhumb/internal/core/clone"
)

var (
	shop = User{"Deployment", types.NamespacedName{Namespace: "shop", Name: "web"}}
	next = &clone.Change{
		Images: map[string]string{"a": "reg.example.com/nginx:1"}, Keep: clone.Originals{"a": "nginx:1"},
		Policy: &clone.Policy{Name: "mirror"}, Under: []string{"reg.example.com"},
	}
)

// TestOver: what was made in vain three times within ten minutes is not made again.
func TestOver(t *testing.T) {
	type made struct {
		ago   time.Duration
		image string
	}
	ours, other := "reg.example.com/nginx:1", "reg.example.com/nginx:2"
	for name, c := range map[string]struct {
		why  string
		made []made
		want bool
	}{
		"Twice":     {"twice is an accident", []made{{2 * time.Minute, ours}, {time.Minute, ours}}, false},
		"Thrice":    {"three times is a fight", []made{{9 * time.Minute, ours}, {2 * time.Minute, ours}, {0, ours}}, true},
		"LongAgo":   {"what is long ago does not count", []made{{11 * time.Minute, ours}, {2 * time.Minute, ours}, {0, ours}}, false},
		"Different": {"nor do changes to something else, such as of a busy developer", []made{{3 * time.Minute, other}, {2 * time.Minute, ours}, {0, ours}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			now := time.Now()
			contests := newContests()
			for _, m := range c.made {
				contests.now = func() time.Time { return now.Add(-m.ago) }
				contests.Wrote(shop, &clone.Change{Images: map[string]string{"a": m.image}})
			}
			contests.now = func() time.Time { return now }
			if got := contests.Over(shop, state{}, next); got != c.want {
				t.Errorf("%s: %v", c.why, got)
			}
		})
	}
}

// TestRemembered: who comes after us knows by the object's annotations what was made in vain, and what is something else.
func TestRemembered(t *testing.T) {
	lost := map[string]string{
		clone.ReasonAnnotation: clone.ReasonContested + ": argocd put back", clone.OriginalsAnnotation: next.Keep.String(),
		clone.PolicyAnnotation: "mirror", clone.TargetAnnotation: "reg.example.com",
	}
	for name, c := range map[string]struct {
		why    string
		change func(own map[string]string)
		want   bool
	}{
		"Same":   {"a restart is no new chance", func(map[string]string) {}, true},
		"Taken":  {"taking the annotation away is one", func(own map[string]string) { delete(own, clone.ReasonAnnotation) }, false},
		"Reason": {"another reason is no fight", func(own map[string]string) { own[clone.ReasonAnnotation] = "OriginKept: x" }, false},
		"Image":  {"another image may be welcome", func(own map[string]string) { own[clone.OriginalsAnnotation] = `{"a":"nginx:0"}` }, false},
		"Policy": {"so may another policy", func(own map[string]string) { own[clone.PolicyAnnotation] = "former" }, false},
		"Target": {"or another place", func(own map[string]string) { own[clone.TargetAnnotation] = "old.example.com" }, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := state{}
			s.Own = maps.Clone(lost)
			c.change(s.Own)
			if got := newContests().Over(shop, s, next); got != c.want {
				t.Errorf("%s: %v", c.why, got)
			}
		})
	}
}
