// SPDX-License-Identifier: Apache-2.0

package ytt

import (
	"slices"
	"testing"
	"time"
)

// How long a template takes that a helper knows already: there and back
// through the pipes. The bar is half a millisecond. Where the machine has more
// to do, the tenth that took least says most.
//
//	go test ./internal/ytt -run '^$' -bench WarmRender
func BenchmarkWarmRender(b *testing.B) {
	const small = "#@ load(\"@ytt:data\", \"data\")\n---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: #@ data.values.workload.metadata.name + \"-deploy\"\ndata:\n  image: #@ data.values.image\n"
	for name, text := range map[string]string{"Small": small, "Page": page} {
		b.Run(name, func(b *testing.B) {
			p := newPool(b, Options{Size: 1})
			it := program(text)
			if _, err := p.Render(b.Context(), it, pageValues); err != nil {
				b.Fatal(err)
			}
			var took []time.Duration
			for b.Loop() {
				began := time.Now()
				if _, err := p.Render(b.Context(), it, pageValues); err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(began))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Nanoseconds()), "p50-ns")
			b.ReportMetric(float64(took[len(took)/10].Nanoseconds()), "p10-ns")
		})
	}
}
