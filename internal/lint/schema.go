// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"
	"sync"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/config"
	"rhumb.run/rhumb/internal/paper"
)

type schemas struct {
	files  map[schema.GroupKind]string
	groups map[string]bool
}

// definitions are the CRDs that are built in, by kind. One is decoded when its
// kind is met: all of them would take longer than most files.
var definitions = sync.OnceValue(func() schemas {
	out := schemas{map[schema.GroupKind]string{}, map[string]bool{}}
	entries, err := config.CRDs.ReadDir("crd")
	if err != nil {
		return out
	}
	kind := regexp.MustCompile(`(?m)^    kind: (\w+)$`)
	for _, e := range entries {
		text, err := config.CRDs.ReadFile("crd/" + e.Name())
		_, group, _ := strings.Cut(strings.TrimSuffix(e.Name(), ".yaml"), ".")
		if m := kind.FindSubmatch(text); err == nil && m != nil {
			out.files[schema.GroupKind{Group: group, Kind: string(m[1])}] = "crd/" + e.Name()
			out.groups[group] = true
		}
	}
	return out
})

// kindsIn are the kinds of a group.
func kindsIn(group string) []string {
	var out []string
	for gk := range definitions().files {
		if gk.Group == group {
			out = append(out, gk.Kind)
		}
	}
	slices.Sort(out)
	return out
}

var decoded sync.Map // schema.GroupKind → *apiextensionsv1.JSONSchemaProps

// schemaOf is the schema of a kind of carto.run, nil if there is none.
func schemaOf(kind string) *apiextensionsv1.JSONSchemaProps {
	return schemaIn(schema.GroupKind{Group: v1alpha1.SchemeGroupVersion.Group, Kind: kind})
}

func schemaIn(kind schema.GroupKind) *apiextensionsv1.JSONSchemaProps {
	if s, ok := decoded.Load(kind); ok {
		return s.(*apiextensionsv1.JSONSchemaProps)
	}
	file, ok := definitions().files[kind]
	if !ok {
		return nil
	}
	text, err := config.CRDs.ReadFile(file)
	if err != nil {
		return nil
	}
	var crd apiextensionsv1.CustomResourceDefinition
	if err := yaml.Unmarshal(text, &crd); err != nil || len(crd.Spec.Versions) == 0 || crd.Spec.Versions[0].Schema == nil {
		return nil
	}
	s := crd.Spec.Versions[0].Schema.OpenAPIV3Schema
	decoded.Store(kind, s)
	return s
}

// checkSchema holds an object to the definition of its kind.
func (m *model) checkSchema(d *paper.Document, s *apiextensionsv1.JSONSchemaProps) {
	w := &schemaWalk{m, d}
	for key, value := range d.Object.Object {
		child, known := s.Properties[key]
		switch {
		case key == "apiVersion" || key == "kind" || key == "status":
		case key == "metadata":
			w.metadata(value)
		case !known:
			w.unknown(key, key, s)
		default:
			w.value(paper.Key(key), value, &child)
		}
	}
	for _, key := range s.Required {
		if d.Object.Object[key] == nil {
			m.add(d, d.Place(""), "required", "add "+key, "%s needs %s", d.Object.GetKind(), key)
		}
	}
}

type schemaWalk struct {
	*model
	d *paper.Document
}

// metadata is checked by its names alone.
func (w *schemaWalk) metadata(value any) {
	fields, ok := value.(map[string]any)
	if !ok {
		w.wrongType(".metadata", value, "object")
		return
	}
	for key := range fields {
		if !slices.Contains(metadataFields, key) {
			w.add(w.d, w.d.Place("metadata"+paper.Key(key)), "unknown-field", fix(key, metadataFields), "metadata has no field %q%s", key, paper.Suggest(key, metadataFields))
		}
	}
	for _, key := range []string{"name", "namespace", "generateName"} {
		if value := fields[key]; value != nil && !isType(value, "string") {
			w.wrongType(".metadata."+key, value, "string")
		}
	}
	w.texts(".metadata.labels", fields["labels"])
	w.texts(".metadata.annotations", fields["annotations"])
	if fields["name"] == nil && fields["generateName"] == nil {
		w.add(w.d, w.d.Place("metadata"), "required", "add metadata.name", "the object has no name")
	}
}

// texts are labels or annotations.
func (w *schemaWalk) texts(path string, value any) {
	entries, isMap := value.(map[string]any)
	if value != nil && !isMap {
		w.wrongType(path, value, "object")
	}
	for key, value := range entries {
		if value != nil && !isType(value, "string") {
			w.wrongType(path+paper.Key(key), value, "string")
		}
	}
}

var metadataFields = []string{
	"annotations", "creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp", "finalizers", "generateName", "generation",
	"labels", "managedFields", "name", "namespace", "ownerReferences", "resourceVersion", "selfLink", "uid",
}

func (w *schemaWalk) unknown(path, key string, s *apiextensionsv1.JSONSchemaProps) {
	names := slices.Sorted(maps.Keys(s.Properties))
	parent := strings.TrimSuffix(strings.TrimSuffix(path, key), ".")
	if parent = strings.TrimPrefix(parent, "."); parent == "" {
		parent = w.d.Object.GetKind()
	}
	w.add(w.d, w.d.Place(path), "unknown-field", fix(key, names), "%s has no field %q%s", parent, key, paper.Suggest(key, names))
}

func fix(key string, names []string) string {
	if near := paper.Nearest(key, names); near != "" {
		return "write " + near
	}
	return "one of " + strings.Join(names, ", ")
}

func (w *schemaWalk) value(path string, value any, s *apiextensionsv1.JSONSchemaProps) {
	if value == nil {
		return // the API server drops a null that a field cannot have
	}
	switch x := value.(type) {
	case map[string]any:
		w.object(path, x, s)
	case []any:
		w.list(path, x, s)
	default:
		w.scalar(path, x, s)
	}
}

func preserves(s *apiextensionsv1.JSONSchemaProps) bool {
	return s.XPreserveUnknownFields != nil && *s.XPreserveUnknownFields
}

func (w *schemaWalk) object(path string, x map[string]any, s *apiextensionsv1.JSONSchemaProps) {
	if s.Type != "object" {
		if s.Type != "" {
			w.wrongType(path, x, s.Type)
		}
		return
	}
	for _, key := range slices.Sorted(maps.Keys(x)) {
		child, known := s.Properties[key]
		switch {
		case known:
			w.value(path+paper.Key(key), x[key], &child)
		case s.AdditionalProperties != nil && s.AdditionalProperties.Schema != nil:
			w.value(path+paper.Key(key), x[key], s.AdditionalProperties.Schema)
		case preserves(s) || s.AdditionalProperties != nil:
		default:
			w.unknown(path+paper.Key(key), key, s)
		}
	}
	for _, key := range s.Required {
		if x[key] == nil {
			w.add(w.d, w.d.Place(path), "required", "add "+key, "%s needs %s", strings.TrimPrefix(path, "."), key)
		}
	}
}

func (w *schemaWalk) list(path string, x []any, s *apiextensionsv1.JSONSchemaProps) {
	if s.Type != "array" {
		if s.Type != "" {
			w.wrongType(path, x, s.Type)
		}
		return
	}
	if s.MinItems != nil && int64(len(x)) < *s.MinItems {
		w.add(w.d, w.d.Place(path), "value", "", "%s needs at least %s, it has %d", strings.TrimPrefix(path, "."), plural(int(*s.MinItems), "item"), len(x))
	}
	if s.MaxItems != nil && int64(len(x)) > *s.MaxItems {
		w.add(w.d, w.d.Place(path), "value", "", "%s takes at most %s, it has %d", strings.TrimPrefix(path, "."), plural(int(*s.MaxItems), "item"), len(x))
	}
	if s.Items == nil || s.Items.Schema == nil {
		return
	}
	for i, e := range x {
		w.value(fmt.Sprintf("%s[%d]", path, i), e, s.Items.Schema)
	}
}

func (w *schemaWalk) scalar(path string, x any, s *apiextensionsv1.JSONSchemaProps) {
	if s.XIntOrString || s.Type == "" {
		return
	}
	if !isType(x, s.Type) {
		w.wrongType(path, x, s.Type)
		return
	}
	name := strings.TrimPrefix(path, ".")
	if len(s.Enum) > 0 {
		w.enum(name, x, s)
	}
	text, isText := x.(string)
	number, isNumber := asFloat(x)
	switch {
	case isText && s.MinLength != nil && int64(len([]rune(text))) < *s.MinLength:
		w.add(w.d, w.d.Value(name), "value", "", "%s must not be shorter than %s", name, plural(int(*s.MinLength), "character"))
	case isText && s.MaxLength != nil && int64(len([]rune(text))) > *s.MaxLength:
		w.add(w.d, w.d.Value(name), "value", "", "%s must not be longer than %s", name, plural(int(*s.MaxLength), "character"))
	case isText && s.Pattern != "":
		if re, err := regexp.Compile(s.Pattern); err == nil && !re.MatchString(text) {
			w.add(w.d, w.d.Value(name), "value", "", "%s does not match %s", name, s.Pattern)
		}
	case isNumber && s.Minimum != nil && number < *s.Minimum:
		w.add(w.d, w.d.Value(name), "value", "", "%s must be at least %v", name, *s.Minimum)
	case isNumber && s.Maximum != nil && number > *s.Maximum:
		w.add(w.d, w.d.Value(name), "value", "", "%s must be at most %v", name, *s.Maximum)
	}
}

func (w *schemaWalk) enum(name string, x any, s *apiextensionsv1.JSONSchemaProps) {
	var allowed []string
	for _, e := range s.Enum {
		var v any
		if err := json.Unmarshal(e.Raw, &v); err == nil {
			if v == x {
				return
			}
			allowed = append(allowed, fmt.Sprint(v))
		}
	}
	text := fmt.Sprint(x)
	w.add(w.d, w.d.Value(name), "enum", fix(text, allowed), "%s must be one of %s%s", name, strings.Join(allowed, ", "), paper.Suggest(text, allowed))
}

func (w *schemaWalk) wrongType(path string, x any, want string) {
	name := strings.TrimPrefix(path, ".")
	remedy := ""
	if want == "string" && kindOf(x) != "an object" && kindOf(x) != "a list" {
		remedy = "put it in quotes: YAML takes it for " + kindOf(x)
	}
	w.add(w.d, w.d.Value(name), "type", remedy, "%s must be %s, not %s", name, typeNames[want], kindOf(x))
}

var typeNames = map[string]string{
	"object": "an object", "array": "a list", "string": "text", "integer": "a whole number", "number": "a number", "boolean": "true or false",
}

func kindOf(x any) string {
	switch x.(type) {
	case map[string]any:
		return "an object"
	case []any:
		return "a list"
	case string:
		return "text"
	case bool:
		return "true or false"
	}
	return "a number"
}

func isType(x any, want string) bool {
	number, isNumber := asFloat(x)
	switch want {
	case "integer":
		return isNumber && number == math.Trunc(number)
	case "number":
		return isNumber
	}
	return typeNames[want] == kindOf(x)
}

func asFloat(x any) (float64, bool) {
	switch n := x.(type) {
	case int64:
		return float64(n), true
	case float64:
		return n, true
	}
	return 0, false
}
