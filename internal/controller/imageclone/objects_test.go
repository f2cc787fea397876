// SPDX-License-Identifier: Apache-2.0

package imageclone

import (
	"fmt"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"rhumb.run/rhumb/internal/core/clone"
)

// A rollout's end is seen on what is left of an object in memory.
func TestSettled(t *testing.T) {
	cases := map[string]struct {
		why    string
		object func() client.Object
		status string
		want   bool
	}{
		"Deployment":            {"all are new and available", made["Deployment"], "{observedGeneration: 2, replicas: 3, updatedReplicas: 3, availableReplicas: 3}", true},
		"DeploymentUnseen":      {"nobody has looked at it yet", made["Deployment"], "{observedGeneration: 1, replicas: 3, updatedReplicas: 3, availableReplicas: 3}", false},
		"DeploymentSurge":       {"an old one is there yet", made["Deployment"], "{observedGeneration: 2, replicas: 4, updatedReplicas: 3, availableReplicas: 3}", false},
		"DeploymentUnavailable": {"one does not answer", made["Deployment"], "{observedGeneration: 2, replicas: 3, updatedReplicas: 3, availableReplicas: 2}", false},
		"StatefulSet":           {"all are new and available", made["StatefulSet"], "{observedGeneration: 2, replicas: 3, updatedReplicas: 3, availableReplicas: 3}", true},
		"StatefulSetOld":        {"two are new", made["StatefulSet"], "{observedGeneration: 2, replicas: 3, updatedReplicas: 2, availableReplicas: 3}", false},
		"DaemonSet":             {"all are new and available", made["DaemonSet"], "{observedGeneration: 2, desiredNumberScheduled: 3, updatedNumberScheduled: 3, numberAvailable: 3}", true},
		"DaemonSetOld":          {"two are new", made["DaemonSet"], "{observedGeneration: 2, desiredNumberScheduled: 3, updatedNumberScheduled: 2, numberAvailable: 3}", false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			o := tc.object()
			text := fmt.Sprintf("{metadata: {name: x, generation: 2}, spec: {replicas: 3}, status: %s}", tc.status)
			if _, daemons := o.(*appsv1.DaemonSet); daemons {
				text = fmt.Sprintf("{metadata: {name: x, generation: 2}, status: %s}", tc.status)
			}
			if err := yaml.UnmarshalStrict([]byte(text), o); err != nil {
				t.Fatal(err)
			}
			if !clone.Lean(o) {
				t.Fatal("it is kept whole")
			}
			if got := read(o); got.settled != tc.want || got.generation != 2 {
				t.Errorf("%s: settled is %v, of generation %d", tc.why, got.settled, got.generation)
			}
		})
	}
}
