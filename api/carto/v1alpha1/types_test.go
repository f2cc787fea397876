// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/runtime"
)

// What a field is while it is unset is API: templates read null from a pointer and nothing through it, "" from text, and an
// object from a struct.
func TestUnsetFields(t *testing.T) {
	cases := map[string]struct {
		why   string
		of    any
		field string
		want  reflect.Kind
	}{
		"ServiceAccountName": {"reads as empty text, so that it exists", WorkloadSpec{}, "ServiceAccountName", reflect.String},
		"Image":              {"reads as null, so that it does not", WorkloadSpec{}, "Image", reflect.Pointer},
		"Source":             {"nothing can be read through it", WorkloadSpec{}, "Source", reflect.Pointer},
		"Git":                {"nothing can be read through it", Source{}, "Git", reflect.Pointer},
		"Branch":             {"reads as null", GitRef{}, "Branch", reflect.Pointer},
		"Build":              {"can always be read through", WorkloadSpec{}, "Build", reflect.Struct},
		"Env":                {"reads as null, which kpack takes for none", WorkloadBuild{}, "Env", reflect.Slice},
		"Resources":          {"reads as null, which a container takes for none", WorkloadSpec{}, "Resources", reflect.Pointer},
		"SupplyChainRef":     {"its name reads as empty text", WorkloadStatus{}, "SupplyChainRef", reflect.Struct},
		"DeliveryRef":        {"its name reads as empty text", DeliverableStatus{}, "DeliveryRef", reflect.Struct},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			field, ok := reflect.TypeOf(c.of).FieldByName(c.field)
			if !ok || field.Type.Kind() != c.want {
				t.Errorf("%s is of kind %s, want %s: unset, it %s", c.field, field.Type.Kind(), c.want, c.why)
			}
		})
	}
}

func TestJSON(t *testing.T) {
	cases := map[string]struct{ why, in, want string }{
		"Object": {"a value may have any depth", `{"name":"a","value":{"b":[1,{"c":null}]}}`, `{"b":[1,{"c":null}]}`},
		"Number": {"a large number keeps every digit", `{"name":"a","value":9007199254740993}`, `9007199254740993`},
		"Text":   {"text that looks like a template stays text", `{"name":"a","value":"$(x)$"}`, `"$(x)$"`},
		"Null":   {"null is a value", `{"name":"a","value":null}`, `null`},
		"False":  {"what is false is still there", `{"name":"a","value":false}`, `false`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var p OwnerParam
			if err := json.Unmarshal([]byte(c.in), &p); err != nil {
				t.Fatal(err)
			}
			if got := string(p.Value.Raw); got != c.want {
				t.Errorf("read %s, want %s: %s", got, c.want, c.why)
			}
			out, err := json.Marshal(p)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.in, string(out)); diff != "" {
				t.Errorf("wrote something else (-want +got):\n%s", diff)
			}
		})
	}
	if out, err := json.Marshal(JSON{}); err != nil || string(out) != "null" {
		t.Errorf("nothing is written as %s (%v), want null", out, err)
	}
}

// A copy shares nothing with what it was made from.
func TestJSONCopies(t *testing.T) {
	in := &OwnerParam{Value: JSON{Raw: []byte(`"a"`)}}
	out := in.DeepCopy()
	out.Value.Raw[1] = 'b'
	if got := string(in.Value.Raw); got != `"a"` {
		t.Errorf("a change of the copy made the original %s", got)
	}
}

// An empty list of resources is one; none is not written down as one.
func TestEmptyResources(t *testing.T) {
	for in, want := range map[string]string{
		`{"resources":[]}`:  `{"resources":[]}`,
		`{"components":[]}`: `{"components":[]}`,
		`{}`:                `{}`,
	} {
		var spec SupplyChainSpec
		if err := json.Unmarshal([]byte(in), &spec); err != nil {
			t.Fatal(err)
		}
		out, err := json.Marshal(spec)
		if err != nil || string(out) != want {
			t.Errorf("%s became %s (%v), want %s", in, out, err, want)
		}
	}
}

func TestSchemeKnowsAllKinds(t *testing.T) {
	scheme := runtime.NewScheme()
	if err := AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	kinds, lists := 0, 0
	for kind, typ := range scheme.KnownTypes(SchemeGroupVersion) {
		switch {
		case typ.PkgPath() != reflect.TypeFor[Workload]().PkgPath():
		case strings.HasSuffix(kind, "List"):
			lists++
		default:
			kinds++
		}
	}
	// Eleven, and Pipeline and RunTemplate, as two of them were called once.
	if kinds != 13 || lists != 13 {
		t.Errorf("the scheme knows %d kinds and %d lists, want 13 and 13", kinds, lists)
	}
}
