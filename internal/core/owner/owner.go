// SPDX-License-Identifier: Apache-2.0

// Package owner is the view that the core has of those who own stamped
// objects: a Workload today, a Deliverable by the same shape.
//
//	*v1alpha1.Workload ──OfWorkload──▶ Owner{what it asks for, what it was told last}
//
// What differs between the kinds is data (Words), so that one walk and one
// report serve both.
package owner

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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
	BlueprintNoun string

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
