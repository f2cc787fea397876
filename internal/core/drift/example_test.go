// SPDX-License-Identifier: Apache-2.0

package drift_test

import (
	"fmt"

	"rhumb.run/rhumb/internal/core/drift"
)

// What others added is theirs; a field of ours that differs is named.
func ExampleMissing() {
	desired := map[string]any{"spec": map[string]any{"image": "app:1", "cpu": "1000m"}}
	fmt.Printf("%q\n", drift.Missing(desired, map[string]any{"spec": map[string]any{"image": "app:1", "cpu": "1", "replicas": int64(3)}}))
	fmt.Printf("%q\n", drift.Missing(desired, map[string]any{"spec": map[string]any{"image": "app:2", "cpu": "1"}}))
	// Output:
	// ""
	// ".spec.image"
}
