// SPDX-License-Identifier: Apache-2.0

package owner_test

import (
	"encoding/json"
	"fmt"
	"strings"
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

func TestOfDeliverable(t *testing.T) {
	d := &v1alpha1.Deliverable{}
	d.Namespace, d.Name, d.UID, d.Generation = "dev", "app", "u-1", 7
	d.Labels = map[string]string{"type": "web"}
	d.Spec.ServiceAccountName = "deployer"
	d.Spec.Params = []v1alpha1.OwnerParam{{Name: "p"}}
	d.Status.DeliveryRef.Name = "web"
	d.Status.Conditions = []metav1.Condition{{Type: "Ready"}}
	want := owner.Owner{
		Words: owner.Deliverable, Object: d, Namespace: "dev", Name: "app", UID: "u-1", Generation: 7, Labels: d.Labels,
		Params: d.Spec.Params, ServiceAccount: "deployer", Blueprint: "web", Status: d.Status.OwnerStatus,
	}
	if diff := cmp.Diff(want, owner.OfDeliverable(d)); diff != "" {
		t.Error(diff)
	}
}

// Every kind can be made, viewed and given a status, and names its blueprint by its own words.
func TestKinds(t *testing.T) {
	for kind, empty := range owner.New {
		t.Run(kind, func(t *testing.T) {
			object := empty()
			object.SetName("app")
			status := v1alpha1.OwnerStatus{ObservedGeneration: 3}
			o := owner.Of(owner.WithStatus(object, status, "path"))
			if o.Kind != kind || o.Name != "app" || o.Blueprint != "path" || o.Status.ObservedGeneration != 3 {
				t.Errorf("viewed %+v", o)
			}
			if before := owner.Of(object); before.Blueprint != "" || before.Status.ObservedGeneration != 0 {
				t.Errorf("the object itself was changed: %+v", before)
			}
			raw, err := json.Marshal(owner.WithStatus(object, status, "path"))
			if err != nil {
				t.Fatal(err)
			}
			if want := fmt.Sprintf(`%q:{"kind":%q,"name":"path"}`, o.BlueprintRef, o.BlueprintKind); !strings.Contains(string(raw), want) {
				t.Errorf("%s does not hold %s", raw, want)
			}
		})
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
