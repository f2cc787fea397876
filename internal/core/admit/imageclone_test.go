// SPDX-License-Identifier: Apache-2.0

package admit_test

import (
	"strings"
	"testing"

	"rhumb.run/rhumb/internal/core/admit"
)

// What the API server lets in, and nobody could follow, is found all the same.
func TestImageClonePolicyBeyondTheDefinition(t *testing.T) {
	for name, c := range map[string]struct{ why, spec, at, want string }{
		"Namespaces": {
			"a selector's syntax is no rule of its definition",
			`{match: {namespaceSelector: {matchExpressions: [{key: a, operator: Is, values: [b]}]}}, target: {pullName: a.example}}`,
			"spec.match.namespaceSelector", "namespaceSelector is not valid",
		},
		"Pods": {
			"nor are labels",
			`{match: {podSelector: {matchLabels: {"a b": c}}}, target: {pullName: a.example}}`,
			"spec.match.podSelector", "podSelector is not valid",
		},
		"Twice": {
			"in a file two entries for a host are possible",
			`{target: {pullName: a.example}, sources: [{host: docker.io}, {host: docker.io}]}`,
			"spec.sources[1]", `"docker.io" has an entry already`,
		},
		"AnyPlain": {
			"credentials of registries that nobody named are not sent for all to read",
			`{target: {pullName: a.example}, sources: [{host: "*", insecure: true}]}`,
			"spec.sources[0].insecure", "insecure is for a registry that is named",
		},
		"Fine": {"a target is enough", `{target: {pullName: a.example}}`, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			problems, known := admit.Of(decode(t, "{apiVersion: rhumb.run/v1alpha1, kind: ImageClonePolicy, metadata: {name: p}, spec: "+c.spec+"}"))
			if !known {
				t.Fatal("not known")
			}
			if c.want == "" {
				if len(problems) > 0 {
					t.Errorf("%s: %v", c.why, problems)
				}
				return
			}
			if len(problems) != 1 || problems[0].Path.String() != c.at || !strings.Contains(problems[0].Message, c.want) {
				t.Errorf("%s: %v, want %s: %s", c.why, problems, c.at, c.want)
			}
		})
	}
}
