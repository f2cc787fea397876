// SPDX-License-Identifier: Apache-2.0

package param_test

import (
	"fmt"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/param"
)

// The owner may choose the builder; the registry is the platform's to say.
func ExampleMerge() {
	registry := v1alpha1.JSON{Raw: []byte(`"registry.test"`)}
	params, err := param.Merge(param.Sources{
		Template:  []v1alpha1.TemplateParam{{Name: "builder", DefaultValue: v1alpha1.JSON{Raw: []byte(`"base"`)}}},
		Blueprint: []v1alpha1.BlueprintParam{{Name: "registry", Value: &registry}},
		Owner: []v1alpha1.OwnerParam{
			{Name: "builder", Value: v1alpha1.JSON{Raw: []byte(`"tiny"`)}},
			{Name: "registry", Value: v1alpha1.JSON{Raw: []byte(`"elsewhere.test"`)}},
		},
	})
	fmt.Println(params["builder"], params["registry"], err)
	// Output: tiny registry.test <nil>
}
