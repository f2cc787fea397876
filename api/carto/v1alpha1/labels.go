// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// LabelPrefix begins every label of a stamped object that is not the template's.
const LabelPrefix = "carto.run/"

// Labels on stamped objects. They say for whom an object is, and by which path it came.
const (
	// WorkloadNameLabel and WorkloadNamespaceLabel name the workload.
	WorkloadNameLabel      = "carto.run/workload-name"
	WorkloadNamespaceLabel = "carto.run/workload-namespace"
	// SupplyChainNameLabel names the chain that the workload follows.
	SupplyChainNameLabel = "carto.run/supply-chain-name"

	// DeliverableNameLabel and DeliverableNamespaceLabel name the deliverable.
	DeliverableNameLabel      = "carto.run/deliverable-name"
	DeliverableNamespaceLabel = "carto.run/deliverable-namespace"
	// DeliveryNameLabel names the delivery that the deliverable follows.
	DeliveryNameLabel = "carto.run/delivery-name"

	// ResourceNameLabel names the resource of the blueprint.
	ResourceNameLabel = "carto.run/resource-name"
	// TemplateKindLabel is the kind of the template.
	TemplateKindLabel = "carto.run/template-kind"
	// ClusterTemplateLabel names the template.
	ClusterTemplateLabel = "carto.run/cluster-template-name"
	// TemplateLifecycleLabel is the template's lifecycle.
	TemplateLifecycleLabel = "carto.run/template-lifecycle"

	// RunnableNameLabel names the runnable.
	RunnableNameLabel = "carto.run/runnable-name"
	// RunTemplateNameLabel names the runnable's template.
	RunTemplateNameLabel = "carto.run/run-template-name"

	// PipelineNameLabel and PipelineNamespaceLabel name the pipeline, which is what a runnable was called once.
	PipelineNameLabel      = "carto.run/pipeline-name"
	PipelineNamespaceLabel = "carto.run/pipeline-namespace"
	// RunTemplateNamespaceLabel is where a pipeline's template is.
	RunTemplateNamespaceLabel = "carto.run/run-template-namespace"
)
