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
	NewList          func() client.ObjectList
	NewBlueprintList func() client.ObjectList
}

// Workloads follow supply chains.
func Workloads() Kind {
	return Kind{
		Words:            owner.Workload,
		NewList:          func() client.ObjectList { return &v1alpha1.WorkloadList{} },
		NewBlueprintList: func() client.ObjectList { return &v1alpha1.ClusterSupplyChainList{} },
	}
}

// Deliverables follow deliveries.
func Deliverables() Kind {
	return Kind{
		Words:            owner.Deliverable,
		NewList:          func() client.ObjectList { return &v1alpha1.DeliverableList{} },
		NewBlueprintList: func() client.ObjectList { return &v1alpha1.ClusterDeliveryList{} },
	}
}

// New makes an empty object of the kind.
func (k Kind) New() client.Object { return owner.New[k.Kind]() }

// View is what the core needs to know of an object of the kind.
func (k Kind) View(object client.Object) owner.Owner { return owner.Of(object.(owner.Object)) }

// WithStatus is a copy of the object with another status.
func (k Kind) WithStatus(object client.Object, status v1alpha1.OwnerStatus, blueprint string) client.Object {
	return owner.WithStatus(object.(owner.Object), status, blueprint)
}

// NewBlueprint makes an empty object of the kind that owners of this kind follow.
func (k Kind) NewBlueprint() client.Object { return blueprint.New[k.BlueprintKind]() }

// Compile reads a blueprint of that kind.
func (k Kind) Compile(object client.Object) *blueprint.Blueprint {
	return blueprint.Of(object.(blueprint.Object))
}
