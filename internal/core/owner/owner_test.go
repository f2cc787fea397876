// SPDX-License-Identifier: Apache-2.0

package owner_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/owner"
)

func TestOfWorkload(t *testing.T) {
	w := &v1alpha1.Workload{}
	w.Namespace, w.Name, w.UID, w.Generation = "dev", "app", "u-1", 7
	w.Labels = map[string]string{"type": "web"}
	w.Spec.ServiceAccountName = "builder"
	w.Spec.Params = []v1alpha1.OwnerParam{{Name: "p"}}
	w.Status.SupplyChainRef.Name = "web"
	w.Status.Conditions = []metav1.Condition{{Type: "Ready"}}
	want := owner.Owner{
		Words: owner.Workload, Object: w, Namespace: "dev", Name: "app", UID: "u-1", Generation: 7, Labels: w.Labels,
		Params: w.Spec.Params, ServiceAccount: "builder", Blueprint: "web", Status: w.Status.OwnerStatus,
	}
	if diff := cmp.Diff(want, owner.OfWorkload(w)); diff != "" {
		t.Error(diff)
	}
}

// The shape of the reference is what existing objects carry: one controller that blocks its own deletion.
func TestReference(t *testing.T) {
	w := &v1alpha1.Workload{}
	w.Name, w.UID = "app", "u-1"
	o := owner.OfWorkload(w)
	yes := true
	want := metav1.OwnerReference{APIVersion: "carto.run/v1alpha1", Kind: "Workload", Name: "app", UID: "u-1", Controller: &yes, BlockOwnerDeletion: &yes}
	if diff := cmp.Diff(want, o.Reference()); diff != "" {
		t.Error(diff)
	}
}
