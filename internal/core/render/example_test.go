// SPDX-License-Identifier: Apache-2.0

package render_test

import (
	"encoding/json"
	"fmt"

	"rhumb.run/rhumb/internal/core/render"
)

// A string that is one tag takes the value with its type; among other text it becomes text.
func ExampleCompile() {
	template, err := render.Compile([]byte(`{"replicas": "$(params.replicas)$", "image": "docker://$(image)$"}`))
	if err != nil {
		panic(err)
	}
	object, err := template.Render(map[string]any{"params": map[string]any{"replicas": int64(2)}, "image": "registry.test/app"})
	if err != nil {
		panic(err)
	}
	text, _ := json.Marshal(object)
	fmt.Println(string(text))
	// Output: {"image":"docker://registry.test/app","replicas":2}
}
