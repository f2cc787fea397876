// SPDX-License-Identifier: Apache-2.0

// Package owner is the view that the core has of those who own stamped
// objects.
//
//	Workload    ─┐
//	             ├─Of─▶ Owner{what it asks for, what it was told last}
//	Deliverable ─┘
//
// What differs between the kinds is data (Words), so that one walk and one
// report serve both.
package owner

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"rhumb.run/rhumb/api/carto/v1alpha1"
)

// Owner is what the core needs to know of a Workload or a Deliverable.
type Owner struct {
	*Words

	// Object is the typed object, for templates and field selectors. It is read, never written.
	Object any

	Namespace  string
	Name       string
	UID        types.UID
	Generation int64
	Labels     map[string]string

	Params         []v1alpha1.OwnerParam
	ServiceAccount string

	// Blueprint is the name of the blueprint that the last status names.
	Blueprint string
	Status    v1alpha1.OwnerStatus
}

// Words are what the kinds of owner call things: kinds, condition types,
// reasons and messages, all of them API.
type Words struct {
	Kind          string
	Noun          string
	BlueprintKind string
	// BlueprintNoun is what messages about a step call the blueprint. It is "supply chain" for a delivery too:
	// these texts are Cartographer's, which never varied it, and scripts look for them.
	BlueprintNoun string
	// BlueprintRef is the field of the status that names the blueprint.
	BlueprintRef string

	BlueprintReady  string // condition type
	LabelsMissing   string // reasons
	NotFound        string
	MultipleMatches string

	LabelsMissingMessage string
	NotFoundMessage      string // one %v: the labels
	MultipleMessage      string

	NameLabel, NamespaceLabel, BlueprintLabel string
}

// Workload is how workloads speak.
var Workload = &Words{
	Kind:                 "Workload",
	Noun:                 "workload",
	BlueprintKind:        "ClusterSupplyChain",
	BlueprintNoun:        "supply chain",
	BlueprintRef:         "supplyChainRef",
	BlueprintReady:       v1alpha1.WorkloadSupplyChainReady,
	LabelsMissing:        v1alpha1.WorkloadLabelsMissingSupplyChainReadyReason,
	NotFound:             v1alpha1.NotFoundSupplyChainReadyReason,
	MultipleMatches:      v1alpha1.MultipleMatchesSupplyChainReadyReason,
	LabelsMissingMessage: "workload has no labels to match to supply chain",
	NotFoundMessage:      "no supply chain found where full selector is satisfied by labels: %+v",
	MultipleMessage:      "workload may only match a single supply chain's selector",
	NameLabel:            v1alpha1.WorkloadNameLabel,
	NamespaceLabel:       v1alpha1.WorkloadNamespaceLabel,
	BlueprintLabel:       v1alpha1.SupplyChainNameLabel,
}

// Deliverable is how deliverables speak.
var Deliverable = &Words{
	Kind:                 "Deliverable",
	Noun:                 "deliverable",
	BlueprintKind:        "ClusterDelivery",
	BlueprintNoun:        "supply chain",
	BlueprintRef:         "deliveryRef",
	BlueprintReady:       v1alpha1.DeliverableDeliveryReady,
	LabelsMissing:        v1alpha1.DeliverableLabelsMissingDeliveryReadyReason,
	NotFound:             v1alpha1.NotFoundDeliveryReadyReason,
	MultipleMatches:      v1alpha1.MultipleMatchesDeliveryReadyReason,
	LabelsMissingMessage: "deliverable has no labels to match to delivery",
	NotFoundMessage:      "no delivery found where full selector is satisfied by labels: %+v",
	MultipleMessage:      "deliverable may only match a single delivery's selector",
	NameLabel:            v1alpha1.DeliverableNameLabel,
	NamespaceLabel:       v1alpha1.DeliverableNamespaceLabel,
	BlueprintLabel:       v1alpha1.DeliveryNameLabel,
}

// Object is an owner as the API server stores it.
type Object interface {
	metav1.Object
	runtime.Object
}

// New makes an empty API object of each kind of owner.
var New = map[string]func() Object{
	Workload.Kind:    func() Object { return &v1alpha1.Workload{} },
	Deliverable.Kind: func() Object { return &v1alpha1.Deliverable{} },
}

// Of views an owner of any kind.
func Of(object Object) Owner {
	switch o := object.(type) {
	case *v1alpha1.Workload:
		return OfWorkload(o)
	case *v1alpha1.Deliverable:
		return OfDeliverable(o)
	}
	panic(fmt.Sprintf("no such kind of owner: %T", object))
}

// WithStatus is a copy of an owner with another status. Without a blueprint
// none is named, as before the first was found.
func WithStatus(object Object, status v1alpha1.OwnerStatus, blueprint string) Object {
	switch o := object.(type) {
	case *v1alpha1.Workload:
		out := &v1alpha1.Workload{ObjectMeta: *o.ObjectMeta.DeepCopy(), Spec: o.Spec}
		out.Status = v1alpha1.WorkloadStatus{OwnerStatus: status, SupplyChainRef: follows(Workload, blueprint)}
		return out
	case *v1alpha1.Deliverable:
		out := &v1alpha1.Deliverable{ObjectMeta: *o.ObjectMeta.DeepCopy(), Spec: o.Spec}
		out.Status = v1alpha1.DeliverableStatus{OwnerStatus: status, DeliveryRef: follows(Deliverable, blueprint)}
		return out
	}
	panic(fmt.Sprintf("no such kind of owner: %T", object))
}

func follows(w *Words, blueprint string) v1alpha1.ObjectReference {
	if blueprint == "" {
		return v1alpha1.ObjectReference{}
	}
	return v1alpha1.ObjectReference{Kind: w.BlueprintKind, Name: blueprint}
}

// OfWorkload views a Workload.
func OfWorkload(w *v1alpha1.Workload) Owner {
	return Owner{
		Words:          Workload,
		Object:         w,
		Namespace:      w.Namespace,
		Name:           w.Name,
		UID:            w.UID,
		Generation:     w.Generation,
		Labels:         w.Labels,
		Params:         w.Spec.Params,
		ServiceAccount: w.Spec.ServiceAccountName,
		Blueprint:      w.Status.SupplyChainRef.Name,
		Status:         w.Status.OwnerStatus,
	}
}

// OfDeliverable views a Deliverable.
func OfDeliverable(d *v1alpha1.Deliverable) Owner {
	return Owner{
		Words:          Deliverable,
		Object:         d,
		Namespace:      d.Namespace,
		Name:           d.Name,
		UID:            d.UID,
		Generation:     d.Generation,
		Labels:         d.Labels,
		Params:         d.Spec.Params,
		ServiceAccount: d.Spec.ServiceAccountName,
		Blueprint:      d.Status.DeliveryRef.Name,
		Status:         d.Status.OwnerStatus,
	}
}

// Reference is what stamped objects carry of their owner.
func (o *Owner) Reference() metav1.OwnerReference {
	yes := true
	return metav1.OwnerReference{
		APIVersion:         v1alpha1.SchemeGroupVersion.String(),
		Kind:               o.Kind,
		Name:               o.Name,
		UID:                o.UID,
		Controller:         &yes,
		BlockOwnerDeletion: &yes,
	}
}
