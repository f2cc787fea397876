// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

var (
	// SchemeGroupVersion is the group and version of every kind of this package.
	SchemeGroupVersion = schema.GroupVersion{Group: "carto.run", Version: "v1alpha1"}

	// SchemeBuilder collects what AddToScheme adds.
	SchemeBuilder = runtime.NewSchemeBuilder(addKnownTypes)

	// AddToScheme makes a scheme know the kinds of this package.
	AddToScheme = SchemeBuilder.AddToScheme
)

func addKnownTypes(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(SchemeGroupVersion,
		&Workload{}, &WorkloadList{},
		&Deliverable{}, &DeliverableList{},
		&Runnable{}, &RunnableList{},
		&ClusterSupplyChain{}, &ClusterSupplyChainList{},
		&ClusterDelivery{}, &ClusterDeliveryList{},
		&ClusterSourceTemplate{}, &ClusterSourceTemplateList{},
		&ClusterImageTemplate{}, &ClusterImageTemplateList{},
		&ClusterConfigTemplate{}, &ClusterConfigTemplateList{},
		&ClusterDeploymentTemplate{}, &ClusterDeploymentTemplateList{},
		&ClusterTemplate{}, &ClusterTemplateList{},
		&ClusterRunTemplate{}, &ClusterRunTemplateList{},
		&Pipeline{}, &PipelineList{},
		&RunTemplate{}, &RunTemplateList{},
	)
	metav1.AddToGroupVersion(scheme, SchemeGroupVersion)
	return nil
}

// Resource qualifies a plural name of this package with its group.
func Resource(plural string) schema.GroupResource {
	return SchemeGroupVersion.WithResource(plural).GroupResource()
}
