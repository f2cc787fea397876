// SPDX-License-Identifier: Apache-2.0

package admit

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"rhumb.run/rhumb/internal/core/render"
)

// checkObject reads the object of a template: it has a kind, and lives beside
// its owner. Nil, if it cannot be read.
func checkObject(f *finder, raw []byte) map[string]any {
	at := spec.to("template")
	var object map[string]any
	if err := json.Unmarshal(raw, &object); err != nil {
		f.refuse(at, "invalid template: failed to parse object: %v", err)
		return nil
	}
	if kind, ok := object["kind"].(string); !ok || kind == "" {
		f.refuse(at, "invalid template: failed to parse object: Object 'Kind' is missing in '%s'", excerpt(raw))
		return nil
	}
	// Metadata may be filled in as a whole, and is text then.
	metadata, _ := object["metadata"].(map[string]any)
	if ns := metadata["namespace"]; ns != nil && ns != "" {
		f.refuse(at.to("metadata", "namespace"), "invalid template: template should not set metadata.namespace on the child object")
	}
	return object
}

// excerpt is as much of an object as a message has room for.
func excerpt(raw []byte) string {
	const room = 512
	if len(raw) <= room {
		return string(raw)
	}
	return strings.ToValidUTF8(string(raw[:room]), "") + "…"
}

// checkTags: what stands between $( and )$ is a JSONPath. One that cannot be
// read fails every owner, so that nothing was ever stamped.
func checkTags(f *finder, at Path, object map[string]any) {
	walk(f, at, "", object)
}

// walk visits each text. The place within the template is spelled as stamping
// spells it: a.b.[0]c.
func walk(f *finder, at Path, place string, value any) {
	switch x := value.(type) {
	case string:
		for _, err := range render.Unreadable(x) {
			f.refuse(at, "invalid template: failed to interpolate template at path [%s]: %v", place, err)
		}
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(x)) {
			walk(f, at.to(key), join(place, key, x[key]), x[key])
		}
	case []any:
		for i, e := range x {
			walk(f, at.to(i), place+"["+strconv.Itoa(i)+"]", e)
		}
	}
}

func join(place, key string, child any) string {
	switch child.(type) {
	case map[string]any, []any:
		return place + key + "."
	}
	return place + key
}
