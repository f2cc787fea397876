// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func step(name string, generation, observed int64, spec map[string]any) *unstructured.Unstructured {
	u := &unstructured.Unstructured{Object: map[string]any{"spec": spec}}
	u.SetName(name)
	u.SetGeneration(generation)
	if observed > 0 {
		u.Object["status"] = map[string]any{"observedGeneration": observed}
	}
	return u
}

func TestAnswer(t *testing.T) {
	cases := map[string]struct {
		why      string
		step     *unstructured.Unstructured
		revision string
		want     map[string]any
	}{
		"Source":      {"a source yields where and what", step("a-source", 2, 0, nil), "", map[string]any{"url": "http://source.test/a-source/generation-2.tgz", "revision": "generation-2"}},
		"SourceProbe": {"a probe is a new revision of the same spec", step("a-source", 2, 2, nil), "probe-1", map[string]any{"url": "http://source.test/a-source/probe-1.tgz", "revision": "probe-1"}},
		"Image":       {"an image carries the revision that it is made of", step("a-image", 1, 0, map[string]any{"revision": "probe-1"}), "", map[string]any{"image": "registry.test/a-image@probe-1"}},
		"Config":      {"and a config the image, so that the end of a chain shows its beginning", step("a-config", 1, 0, map[string]any{"image": "i@probe-1"}), "", map[string]any{"config": "image: i@probe-1"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := answer(tc.step, tc.revision)
			if got["observedGeneration"] != tc.step.GetGeneration() {
				t.Errorf("observed %v of generation %d", got["observedGeneration"], tc.step.GetGeneration())
			}
			delete(got, "observedGeneration")
			delete(got, "conditions")
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s: -want +got:\n%s", tc.why, diff)
			}
		})
	}
}

func TestFresh(t *testing.T) {
	for why, tc := range map[string]struct {
		step *unstructured.Unstructured
		want bool
	}{
		"no status yet":               {step("a-source", 1, 0, nil), false},
		"a status of an earlier spec": {step("a-source", 2, 1, nil), false},
		"a status of this spec":       {step("a-source", 2, 2, nil), true},
	} {
		if got := fresh(tc.step); got != tc.want {
			t.Errorf("%s: want %v, got %v", why, tc.want, got)
		}
	}
}
