// SPDX-License-Identifier: Apache-2.0

package ytt

import (
	"testing"
)

// How long a template takes that a helper knows already: there and back
// through the pipes. The bar is half a millisecond.
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
			b.ResetTimer()
			for b.Loop() {
				if _, err := p.Render(b.Context(), it, pageValues); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
