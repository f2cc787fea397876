// SPDX-License-Identifier: Apache-2.0

package paper_test

import (
	"fmt"
	"strings"
	"testing"

	"rhumb.run/rhumb/internal/paper"
)

func TestSecretsAreHidden(t *testing.T) {
	for name, c := range map[string]struct {
		why, text string
		want      []string // what is still shown
		gone      []string
	}{
		"StringData": {
			"as people write them", "{apiVersion: v1, kind: Secret, metadata: {name: x}, stringData: {token: s3cret}}",
			[]string{"token", "(secret)"},
			[]string{"s3cret"},
		},
		"Data": {
			"as the API server has them", "{apiVersion: v1, kind: Secret, metadata: {name: x}, data: {token: czNjcmV0}}",
			[]string{"token"},
			[]string{"czNjcmV0", "s3cret"},
		},
		"NoMap": {
			"a template may fill in all of it", "{apiVersion: v1, kind: Secret, metadata: {name: x}, data: s3cret}",
			[]string{"data"},
			[]string{"s3cret"},
		},
		"LastApplied": {
			"kubectl keeps a copy",
			`{apiVersion: v1, kind: Secret, metadata: {name: x, annotations: {kubectl.kubernetes.io/last-applied-configuration: '{"stringData":{"token":"s3cret"}}'}}}`,
			[]string{"last-applied"},
			[]string{"s3cret"},
		},
		"OtherGroup": {
			"a kind of this name in another group is none of ours", "{apiVersion: vault.example/v1, kind: Secret, metadata: {name: x}, data: {path: s3cret}}",
			[]string{"s3cret"},
			nil,
		},
		"OtherKind": {"a ConfigMap is there to be read", "{apiVersion: v1, kind: ConfigMap, metadata: {name: x}, data: {a: s3cret}}", []string{"s3cret"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			docs, err := paper.Parse("f", []byte(c.text))
			if err != nil {
				t.Fatal(err)
			}
			before := fmt.Sprint(docs[0].Object.Object)
			got := fmt.Sprint(paper.Hide(docs[0].Object).Object)
			for _, w := range c.want {
				if !strings.Contains(got, w) {
					t.Errorf("%s: %q is missing in %s", c.why, w, got)
				}
			}
			for _, g := range c.gone {
				if strings.Contains(got, g) {
					t.Errorf("%s: %q is shown in %s", c.why, g, got)
				}
			}
			if fmt.Sprint(docs[0].Object.Object) != before {
				t.Errorf("%s: the object itself was changed", c.why)
			}
		})
	}
}

func TestMask(t *testing.T) {
	s := &paper.Secrets{}
	s.OfText([]byte("{apiVersion: v1, kind: Secret, metadata: {name: x}, stringData: {a: s3cret, b: s3cret-longer, c: \"line-one\\nline-two\", d: no}, data: {e: Y2FuYXJ5}}"))
	for text, want := range map[string]string{
		"the s3cret is out":         "the (secret 4) is out",
		"s3cret-longer":             "(secret 6)",
		"  line-one\n  line-two\n":  "  (secret 8)\n  (secret 9)\n",
		"canary and Y2FuYXJ5":       "(secret 3) and (secret 1)",
		"base64 of it is czNjcmV0.": "base64 of it is (secret 5).",
		"no harm":                   "no harm",
	} {
		if got := s.Mask(text); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
}
