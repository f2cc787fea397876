// SPDX-License-Identifier: Apache-2.0

package param_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/param"
)

func raw(text string) v1alpha1.JSON { return v1alpha1.JSON{Raw: []byte(text)} }

func ofTemplate(text string) []v1alpha1.TemplateParam {
	return []v1alpha1.TemplateParam{{Name: "p", DefaultValue: raw(text)}}
}

func value(text string) []v1alpha1.BlueprintParam {
	v := raw(text)
	return []v1alpha1.BlueprintParam{{Name: "p", Value: &v}}
}

func byDefault(text string) []v1alpha1.BlueprintParam {
	v := raw(text)
	return []v1alpha1.BlueprintParam{{Name: "p", DefaultValue: &v}}
}

func ofOwner(text string) []v1alpha1.OwnerParam {
	return []v1alpha1.OwnerParam{{Name: "p", Value: raw(text)}}
}

func TestMerge(t *testing.T) {
	cases := map[string]struct {
		why  string
		from param.Sources
		want any
	}{
		"Template":            {"the least of all", param.Sources{Template: ofTemplate(`"t"`)}, "t"},
		"OwnerOverTemplate":   {"the owner knows better", param.Sources{Template: ofTemplate(`"t"`), Owner: ofOwner(`"o"`)}, "o"},
		"OwnerOverDefault":    {"a default is open", param.Sources{Template: ofTemplate(`"t"`), Blueprint: byDefault(`"b"`), Owner: ofOwner(`"o"`)}, "o"},
		"Default":             {"the blueprint knows better than the template", param.Sources{Template: ofTemplate(`"t"`), Blueprint: byDefault(`"b"`)}, "b"},
		"Value":               {"a value is forced", param.Sources{Template: ofTemplate(`"t"`), Blueprint: value(`"b"`), Owner: ofOwner(`"o"`)}, "b"},
		"ResourceValue":       {"also by a resource", param.Sources{Template: ofTemplate(`"t"`), Blueprint: byDefault(`"b"`), Resource: value(`"r"`), Owner: ofOwner(`"o"`)}, "r"},
		"ResourceOpens":       {"whose default opens what the blueprint forced", param.Sources{Template: ofTemplate(`"t"`), Blueprint: value(`"b"`), Resource: byDefault(`"r"`), Owner: ofOwner(`"o"`)}, "o"},
		"ResourceReplaces":    {"and replaces it", param.Sources{Template: ofTemplate(`"t"`), Blueprint: value(`"b"`), Resource: byDefault(`"r"`)}, "r"},
		"NotInTemplate":       {"params need not be in the template", param.Sources{Blueprint: byDefault(`"b"`), Resource: byDefault(`"r"`), Owner: ofOwner(`"o"`)}, "o"},
		"OnlyOwner":           {"nor anywhere else", param.Sources{Owner: ofOwner(`"o"`)}, "o"},
		"Whole":               {"values are replaced, not merged", param.Sources{Template: ofTemplate(`{"a":1,"b":2}`), Owner: ofOwner(`{"a":3}`)}, map[string]any{"a": int64(3)}},
		"BigInt":              {"whole numbers keep their digits", param.Sources{Owner: ofOwner(`9007199254740993`)}, int64(9007199254740993)},
		"Null":                {"null is a value", param.Sources{Template: ofTemplate(`"t"`), Owner: ofOwner(`null`)}, nil},
		"NoBytes":             {"no bytes are null", param.Sources{Template: ofTemplate(`"t"`), Owner: ofOwner(``)}, nil},
		"False":               {"so is false", param.Sources{Template: ofTemplate(`true`), Owner: ofOwner(`false`)}, false},
		"NeitherNorProtected": {"an entry without value and default neither sets nor protects", param.Sources{Template: ofTemplate(`"t"`), Blueprint: []v1alpha1.BlueprintParam{{Name: "p"}}, Owner: ofOwner(`"o"`)}, "o"},
		"NeitherKeeps":        {"what was there stays", param.Sources{Template: ofTemplate(`"t"`), Blueprint: []v1alpha1.BlueprintParam{{Name: "p"}}}, "t"},
		"Tag":                 {"text that looks like a tag is text", param.Sources{Owner: ofOwner(`"$(workload.metadata.name)$"`)}, "$(workload.metadata.name)$"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := param.Merge(c.from)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(map[string]any{"p": c.want}, got); diff != "" {
				t.Errorf("%s:\n%s", c.why, diff)
			}
		})
	}
}

// Protection is by name: a value for one param protects no other.
func TestMergeByName(t *testing.T) {
	got, err := param.Merge(param.Sources{
		Blueprint: value(`"b"`),
		Owner:     []v1alpha1.OwnerParam{{Name: "p", Value: raw(`"o"`)}, {Name: "q", Value: raw(`"o"`)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]any{"p": "b", "q": "o"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestMergeRefuses(t *testing.T) {
	_, err := param.Merge(param.Sources{Owner: ofOwner(`{`)})
	if err == nil || !strings.Contains(err.Error(), "reading param [p]: ") {
		t.Errorf("err = %v, want the param that cannot be read", err)
	}
}
