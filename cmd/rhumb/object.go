// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// objectForms are what -o takes where an object of a cluster is printed.
var objectForms = []string{"yaml", "yml", "json", "name"}

// printObject prints an object as YAML, unless the form says otherwise.
func printObject(w io.Writer, form string, object map[string]any) error {
	switch form {
	case "json":
		return printJSON(w, object)
	case "name":
		sayf(w, "%s\n", resourceName(&unstructured.Unstructured{Object: object}))
		return nil
	}
	text, err := yaml.Marshal(object)
	if err != nil {
		return fmt.Errorf("printing: %w", err)
	}
	sayf(w, "---\n%s", text)
	return nil
}

// printObjects prints several: names a line each, and else a List, as kubectl does.
func printObjects(w io.Writer, form string, all []map[string]any) error {
	items := []any{}
	for _, o := range all {
		if form == "name" {
			if err := printObject(w, form, o); err != nil {
				return err
			}
			continue
		}
		items = append(items, o)
	}
	if form == "name" {
		return nil
	}
	return printObject(w, form, map[string]any{"apiVersion": "v1", "kind": "List", "items": items})
}
