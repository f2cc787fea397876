// SPDX-License-Identifier: Apache-2.0

package owner

import (
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rhumb.run/rhumb/api/carto/v1alpha1"
	"rhumb.run/rhumb/internal/core/blueprint"
	"rhumb.run/rhumb/internal/core/owner"
)

// Kind is what differs between the kinds of owner.
type Kind struct {
	*owner.Words
	New     func() client.Object
	NewList func() client.ObjectList
	View    func(client.Object) owner.Owner
	// WithStatus is a copy of the object with another status.
	WithStatus func(object client.Object, status v1alpha1.OwnerStatus, blueprint string) client.Object

	NewBlueprint     func() client.Object
	NewBlueprintList func() client.ObjectList
	Compile          func(client.Object) *blueprint.Blueprint
}

// Workloads follow supply chains.
func Workloads() Kind {
	return Kind{
		Words:            owner.Workload,
		New:              func() client.Object { return &v1alpha1.Workload{} },
		NewList:          func() client.ObjectList { return &v1alpha1.WorkloadList{} },
		View:             func(o client.Object) owner.Owner { return owner.OfWorkload(o.(*v1alpha1.Workload)) },
		WithStatus:       workloadWithStatus,
		NewBlueprint:     func() client.Object { return &v1alpha1.ClusterSupplyChain{} },
		NewBlueprintList: func() client.ObjectList { return &v1alpha1.ClusterSupplyChainList{} },
		Compile: func(o client.Object) *blueprint.Blueprint {
			return blueprint.OfSupplyChain(o.(*v1alpha1.ClusterSupplyChain))
		},
	}
}

func workloadWithStatus(object client.Object, status v1alpha1.OwnerStatus, blueprint string) client.Object {
	w := object.(*v1alpha1.Workload)
	out := &v1alpha1.Workload{ObjectMeta: *w.ObjectMeta.DeepCopy(), Spec: w.Spec}
	out.Status.OwnerStatus = status
	if blueprint != "" {
		out.Status.SupplyChainRef = v1alpha1.ObjectReference{Kind: owner.Workload.BlueprintKind, Name: blueprint}
	}
	return out
}
