// SPDX-License-Identifier: Apache-2.0

package imagerepository_test

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"rhumb.run/rhumb/internal/registry/contract"
)

// An object that no program could read would stop the watch, and with it every other object. The API server refuses it.
func TestPoison(t *testing.T) {
	r := shared(t, memory())
	digest := r.push("apps/demo", "one")
	cases := map[string]struct {
		why   string
		field string
		value any
		ok    bool
	}{
		"Word":     {"a word is no duration", "interval", "often", false},
		"Overflow": {"nor is a time beyond all clocks", "interval", "99999999999999h", false},
		"Negative": {"time does not run backwards", "interval", "-5m", false},
		"Nought":   {"nor stand still", "interval", "0s", false},
		"Number":   {"a duration has a unit", "interval", int64(5), false},
		"NoImage":  {"an image repository has an image", "image", "", false},
		"Fraction": {"a part of a unit is a duration", "interval", "1.5h", true},
		"Days":     {"long is not wrong", "interval", "720h0m0.5s", true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			u := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"image": contract.Host + "/apps/demo", tc.field: tc.value}}}
			u.SetAPIVersion("source.apps.tanzu.vmware.com/v1alpha1")
			u.SetKind("ImageRepository")
			u.SetNamespace(r.ns)
			u.SetName("poison-" + strings.ToLower(name))
			if err := r.client.Create(t.Context(), u); (err == nil) != tc.ok {
				t.Errorf("%s: %v", tc.why, err)
			}
		})
	}
	r.run()
	r.object("demo", "apps/demo")
	r.until("demo", "resolved beside all of them", at(digest))
}
