// SPDX-License-Identifier: Apache-2.0

package config

import (
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
)

type heard struct{ warnings []string }

func (h *heard) HandleWarningHeader(_ int, _ string, text string) {
	h.warnings = append(h.warnings, text)
}

// Whoever writes a kind of Cartographer v0.0.6 is told its new name, and nobody else is warned.
func TestOldKindsAreWarnedOf(t *testing.T) {
	s := connect(t)
	cases := map[string]struct{ why, in, want string }{
		"Pipeline": {
			"a Runnable was called that once",
			`{apiVersion: carto.run/v1alpha1, kind: Pipeline, metadata: {name: p, namespace: default}, spec: {runTemplateRef: {name: t}}}`,
			"carto.run/v1alpha1 Pipeline is deprecated: write a Runnable, whose spec.runTemplateRef names a ClusterRunTemplate",
		},
		"RunTemplate": {
			"a ClusterRunTemplate was called that once",
			`{apiVersion: carto.run/v1alpha1, kind: RunTemplate, metadata: {name: t, namespace: default}, spec: {template: {apiVersion: v1, kind: A, spec: {}}}}`,
			"carto.run/v1alpha1 RunTemplate is deprecated: write a ClusterRunTemplate, which a Runnable names",
		},
		"Runnable": {
			"the name of today",
			`{apiVersion: carto.run/v1alpha1, kind: Runnable, metadata: {name: r, namespace: default}, spec: {runTemplateRef: {name: t}}}`, "",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			h := &heard{}
			config := rest.CopyConfig(s.config)
			config.WarningHandler = h
			client, err := dynamic.NewForConfig(config)
			if err != nil {
				t.Fatal(err)
			}
			object, err := (document{text: []byte(c.in)}).object()
			if err != nil {
				t.Fatal(err)
			}
			mapping, err := s.mapper.RESTMapping(object.GroupVersionKind().GroupKind())
			if err != nil {
				t.Fatal(err)
			}
			_, err = client.Resource(mapping.Resource).Namespace("default").Create(t.Context(), object, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
			var want []string
			if c.want != "" {
				want = []string{c.want}
			}
			if err != nil || !slices.Equal(h.warnings, want) {
				t.Errorf("%s: warned of %q, %v, want %q", c.why, h.warnings, err, want)
			}
		})
	}
}
