// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

func at(uid types.UID, version string) *unstructured.Unstructured {
	u := &unstructured.Unstructured{Object: map[string]any{}}
	u.SetNamespace("a")
	u.SetName("x")
	u.SetUID(uid)
	u.SetResourceVersion(version)
	return u
}

func TestReadingOnesOwnWrites(t *testing.T) {
	cases := map[string]struct {
		why   string
		wrote *unstructured.Unstructured
		shown *unstructured.Unstructured
		want  string
	}{
		"NothingWritten": {"what the watch shows is all there is", nil, at("u", "5"), "5"},
		"NotShownYet":    {"what was created is there before the watch shows it", at("u", "7"), nil, "7"},
		"OlderShown":     {"the watch is behind: the write is newer", at("u", "7"), at("u", "5"), "7"},
		"SameShown":      {"the watch shows the write", at("u", "7"), at("u", "7"), "7"},
		"NewerShown":     {"somebody wrote after us", at("u", "7"), at("u", "10"), "10"},
		"OthersShown":    {"the watch shows what was there before ours", at("u2", "7"), at("u1", "5"), "7"},
		"LongVersions":   {"versions are numbers, not text", at("u", "99"), at("u", "100"), "100"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var r recent
			if c.wrote != nil {
				r.put(c.wrote)
			}
			if got := r.newest("a/x", c.shown).GetResourceVersion(); got != c.want {
				t.Errorf("%s: version %s, want %s", c.why, got, c.want)
			}
		})
	}
}

func TestEchoesWakeNobody(t *testing.T) {
	cases := map[string]struct {
		why   string
		wrote *unstructured.Unstructured
		shown *unstructured.Unstructured
		echo  bool
	}{
		"Own":     {"our own write is no news", at("u", "7"), at("u", "7"), true},
		"Before":  {"what was before our write is no news", at("u", "7"), at("u", "6"), true},
		"After":   {"what came after it is", at("u", "7"), at("u", "8"), false},
		"Another": {"another object of the name is", at("u1", "7"), at("u2", "6"), false},
		"Foreign": {"so is what we never wrote", nil, at("u", "7"), false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var r recent
			if c.wrote != nil {
				r.put(c.wrote)
			}
			if got := r.seen(c.shown); got != c.echo {
				t.Errorf("%s: seen = %v", c.why, got)
			}
		})
	}
}

func TestWritesAreForgotten(t *testing.T) {
	t.Run("when deleted", func(t *testing.T) {
		var r recent
		r.put(at("u", "7"))
		r.gone(at("u", "8"))
		if got := r.newest("a/x", nil); got != nil {
			t.Errorf("a deleted object is still there: %v", got)
		}
	})
	t.Run("when the watch never shows them", func(t *testing.T) {
		var r recent
		r.put(at("u", "7"))
		r.wrote["a/x"] = written{r.wrote["a/x"].object, time.Now().Add(-time.Second)}
		if got := r.newest("a/x", nil); got != nil {
			t.Errorf("an object that came and went unseen is still there: %v", got)
		}
	})
	t.Run("when shown", func(t *testing.T) {
		var r recent
		r.put(at("u", "7"))
		r.newest("a/x", at("u", "7"))
		if len(r.wrote) != 0 {
			t.Error("what the watch shows is kept twice")
		}
	})
}

func TestGranted(t *testing.T) {
	cases := map[string]struct {
		why, grant, blueprint string
		want                  bool
	}{
		"None":   {"no annotation grants nothing", "", "chain", false},
		"Named":  {"a blueprint that is named may", "other, chain", "chain", true},
		"All":    {"a star grants all", "*", "chain", true},
		"Prefix": {"a part of a name is no name", "chain-two", "chain", false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := granted(c.grant, c.blueprint); got != c.want {
				t.Errorf("%s: granted = %v", c.why, got)
			}
		})
	}
}
