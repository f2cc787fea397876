// SPDX-License-Identifier: Apache-2.0

package imageclone

import (
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"rhumb.run/rhumb/internal/core/clone"
	"rhumb.run/rhumb/internal/core/image"
)

// TestCensus: how images are can be read while a ledger runs, and no longer.
func TestCensus(t *testing.T) {
	failed := func(source bool, reason string) *clone.Failure {
		return &clone.Failure{Failure: &image.Failure{Reason: reason}, Source: source}
	}
	l := newLedger(nil, nil, nil, logr.Discard())
	l.all = map[Key]*entry{
		{"fine", "a"}:  {known: clone.Known{There: true}, verified: time.Now(), asked: true},
		{"taken", "a"}: {known: clone.Known{There: true}, verified: time.Now()}, // of which the target alone was asked
		{"gone", "a"}:  {asked: true, known: clone.Known{There: true}, verified: time.Now(), failure: failed(true, image.ReasonSourceNotFound)},
		{"never", "a"}: {asked: true, failure: failed(true, image.ReasonUnauthorized)},
		{"full", "a"}:  {asked: true, failure: failed(false, "PushRejected")},
		{"new", "a"}:   {},
		{"two", "a"}:   {asked: true, known: clone.Known{There: true}, verified: time.Now()},
		{"two", "b"}:   {asked: true, failure: failed(false, image.ReasonUnreachable)},
	}
	done := counted.Of(l)
	want := map[string]float64{
		"Ready": 4, "taken target": 1, "Failed": 3, "Pending": 1,
		"fine source": 1, "fine target": 1, "gone source": 0, "gone target": 1, "never source": 0, "never target": 0,
		"full source": 1, "full target": 0, "two source": 1, "two target": 0,
	}
	if diff := cmp.Diff(want, gathered(t)); diff != "" {
		t.Errorf("while it runs (-want +got):\n%s", diff)
	}
	done()
	if diff := cmp.Diff(map[string]float64{}, gathered(t)); diff != "" {
		t.Errorf("after its end (-want +got):\n%s", diff)
	}
}

// gathered are the values of the two metrics, by their labels.
func gathered(t *testing.T) map[string]float64 {
	t.Helper()
	families, err := metrics.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]float64{}
	for _, f := range families {
		if f.GetName() != "rhumb_images" && f.GetName() != "rhumb_image_available" {
			continue
		}
		for _, m := range f.GetMetric() {
			name := ""
			for _, l := range m.GetLabel() {
				if name != "" {
					name += " "
				}
				name += l.GetValue()
			}
			out[name] = m.GetGauge().GetValue()
		}
	}
	return out
}
