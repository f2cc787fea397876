// SPDX-License-Identifier: Apache-2.0

package clone

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestMakerOf(t *testing.T) {
	for name, c := range map[string]struct {
		why, group, kind, maker, hash string
		want                          string
	}{
		"Nobody":           {"a bare pod", "", "", "", "", ""},
		"Deployment":       {"through its ReplicaSet", "apps/v1", "ReplicaSet", "web-5d4f", "5d4f", "Deployment/web"},
		"ReplicaSet":       {"one that no Deployment made", "apps/v1", "ReplicaSet", "web-5d4f", "", ""},
		"OtherHash":        {"the pod was adopted", "apps/v1", "ReplicaSet", "web-5d4f", "77", ""},
		"StatefulSet":      {"by itself", "apps/v1", "StatefulSet", "db", "", "StatefulSet/db"},
		"Job":              {"of its own group", "batch/v1", "Job", "nightly-1", "", "Job/nightly-1"},
		"OlderVersion":     {"a group's versions are one kind", "batch/v1beta1", "CronJob", "nightly", "", "CronJob/nightly"},
		"OtherDeployment":  {"somebody's own kind of that name", "example.com/v1", "Deployment", "web", "", ""},
		"OtherReplicaSet":  {"likewise, with a hash", "example.com/v1", "ReplicaSet", "web-5d4f", "5d4f", ""},
		"OtherStatefulSet": {"as some operators have one", "apps.example.com/v1", "StatefulSet", "db", "", ""},
		"OtherJob":         {"as batch systems have one", "batch.example.com/v1", "Job", "train", "", ""},
		"Node":             {"a kind that makes no pods", "v1", "Node", "n1", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "pod"}}
			if c.hash != "" {
				pod.Labels = map[string]string{"pod-template-hash": c.hash}
			}
			if c.kind != "" {
				pod.OwnerReferences = []metav1.OwnerReference{{APIVersion: c.group, Kind: c.kind, Name: c.maker, Controller: new(true)}}
			}
			got := ""
			if kind, name, known := MakerOf(pod); known {
				got = kind + "/" + name
			}
			if got != c.want {
				t.Errorf("%s: %q, want %q", c.why, got, c.want)
			}
		})
	}
}
