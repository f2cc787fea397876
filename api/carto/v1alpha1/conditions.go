// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// Condition types and reasons, as a tree. Status is API: a word that stands here never changes.
//
//	Workload, Deliverable
//	├── SupplyChainReady | DeliveryReady   is there one path, and can it be followed
//	├── ResourcesSubmitted                 did every resource become an object
//	├── ResourcesHealthy                   are the objects well
//	└── Ready                              all of the above
//	status.resources[] of both
//	├── ResourceSubmitted                  did this resource become an object, and are its outputs there
//	├── Healthy                            is the object well
//	└── Ready                              both
//	ClusterSupplyChain, ClusterDelivery
//	├── TemplatesReady                     does every template exist
//	└── Ready                              the same
//	Runnable
//	├── RunTemplateReady                   could a run be made, and its outputs be read
//	├── StampedObjectCondition             how the run went: its condition Succeeded
//	└── Ready                              both

// The summary. Ready is True with reason Ready when all others are True.
const (
	// Ready sums up: it is the last condition of every kind.
	Ready = "Ready"
	// OwnerReady, ResourceReady, BlueprintReady and RunnableReady are Ready, by where it stands.
	OwnerReady     = Ready
	ResourceReady  = Ready
	BlueprintReady = Ready
	RunnableReady  = Ready
	// ReadyReason is the reason of a condition that is True and has nothing else to say.
	ReadyReason = "Ready"
	// UnknownReason is the reason of Ready when there is nothing to sum up.
	UnknownReason = "Unknown"
)

// SupplyChainReady, on a Workload.
const (
	// WorkloadSupplyChainReady is True if exactly one chain matches best and can be followed. If that chain is not
	// ready, its reason and message stand here.
	WorkloadSupplyChainReady = "SupplyChainReady"
	// ReadySupplyChainReason: there is one, and it is ready. True.
	ReadySupplyChainReason = ReadyReason
	// WorkloadLabelsMissingSupplyChainReadyReason: a workload without labels matches nothing. False.
	WorkloadLabelsMissingSupplyChainReadyReason = "WorkloadLabelsMissing"
	// NotFoundSupplyChainReadyReason: no chain matches. False.
	NotFoundSupplyChainReadyReason = "SupplyChainNotFound"
	// MultipleMatchesSupplyChainReadyReason: several chains match equally well. False.
	MultipleMatchesSupplyChainReadyReason = "MultipleSupplyChainMatches"
)

// DeliveryReady, on a Deliverable.
const (
	// DeliverableDeliveryReady is True if exactly one delivery matches best and can be followed. If that delivery is
	// not ready, its reason and message stand here.
	DeliverableDeliveryReady = "DeliveryReady"
	// ReadyDeliveryReason: there is one, and it is ready. True.
	ReadyDeliveryReason = ReadyReason
	// DeliverableLabelsMissingDeliveryReadyReason: a deliverable without labels matches nothing. False.
	DeliverableLabelsMissingDeliveryReadyReason = "DeliverableLabelsMissing"
	// NotFoundDeliveryReadyReason: no delivery matches. False.
	NotFoundDeliveryReadyReason = "DeliveryNotFound"
	// MultipleMatchesDeliveryReadyReason: several deliveries match equally well. False.
	MultipleMatchesDeliveryReadyReason = "MultipleDeliveryMatches"
)

// SupplyChainReady and DeliveryReady alike.
const (
	// BlueprintNotReadyReason: the blueprint has not been checked yet, so that there is no reason to copy. False.
	BlueprintNotReadyReason = "BlueprintNotReady"
	// SelectorErrorReason: the selector of a blueprint cannot be evaluated for this owner. False.
	SelectorErrorReason = "SelectorError"
)

// ResourcesSubmitted on an owner, ResourceSubmitted on each of its resources. The owner shows the first that failed.
const (
	// OwnerResourcesSubmitted is True if every resource became an object and yielded its outputs.
	OwnerResourcesSubmitted = "ResourcesSubmitted"
	// ResourceSubmitted is the same for one resource.
	ResourceSubmitted = "ResourceSubmitted"

	// CompleteResourcesSubmittedReason: done. True.
	CompleteResourcesSubmittedReason = "ResourceSubmissionComplete"
	// PassThroughReason: an input was passed on. True; False if there was none to pass on.
	PassThroughReason = "PassThrough"
	// TemplateObjectRetrievalFailureResourcesSubmittedReason: the template could not be read. False, tried again.
	TemplateObjectRetrievalFailureResourcesSubmittedReason = "TemplateObjectRetrievalFailure"
	// MissingValueAtPathResourcesSubmittedReason: the object does not show its output yet. Unknown.
	MissingValueAtPathResourcesSubmittedReason = "MissingValueAtPath"
	// InputsApartReason: two of the inputs were made of different outputs of one resource; the object stays as it is. Unknown.
	InputsApartReason = "InputsApart"
	// TemplateStampFailureResourcesSubmittedReason: the template could not be filled in. False.
	TemplateStampFailureResourcesSubmittedReason = "TemplateStampFailure"
	// TemplateRejectedByAPIServerResourcesSubmittedReason: the API server refused the object. False.
	TemplateRejectedByAPIServerResourcesSubmittedReason = "TemplateRejectedByAPIServer"
	// FailedToListCreatedObjectsReason: what was stamped before could not be listed. False, tried again.
	FailedToListCreatedObjectsReason = "FailedToListCreatedObjects"
	// ResolveTemplateOptionsErrorReason: an option's selector cannot be evaluated. False.
	ResolveTemplateOptionsErrorReason = "ResolveTemplateOptionsError"
	// TemplateOptionsMatchErrorReason: none or several of the options match. False.
	TemplateOptionsMatchErrorReason = "TemplateOptionsMatchError"
	// ServiceAccountErrorResourcesSubmittedReason: the service account cannot be used, most often since there is none. False.
	ServiceAccountErrorResourcesSubmittedReason = "ServiceAccountError"
	// ServiceAccountTokenErrorResourcesSubmittedReason: the service account's token cannot be had. False.
	ServiceAccountTokenErrorResourcesSubmittedReason = "ServiceAccountTokenError"
	// ResourceRealizerBuilderErrorResourcesSubmittedReason: acting as the service account is not possible. False.
	ResourceRealizerBuilderErrorResourcesSubmittedReason = "ResourceRealizerBuilderError"
	// DeployableConditionNotMetResourcesSubmittedReason: a deployment is not done yet. Unknown.
	DeployableConditionNotMetResourcesSubmittedReason = "ConditionNotMet"
	// DeployableFailedConditionMetResourcesSubmittedReason: a deployment failed. False.
	DeployableFailedConditionMetResourcesSubmittedReason = "FailedConditionMet"
	// UnknownErrorResourcesSubmittedReason: anything else. False, tried again.
	UnknownErrorResourcesSubmittedReason = "UnknownError"
)

// ResourcesHealthy on an owner, Healthy on each of its resources.
const (
	// OwnerResourcesHealthy is False if any resource is, else Unknown if any is, else True.
	OwnerResourcesHealthy = "ResourcesHealthy"
	// HealthyConditionRule is the owner's only reason.
	HealthyConditionRule = "HealthyConditionRule"

	// ResourceHealthy is the judgement of the template's health rule.
	ResourceHealthy = "Healthy"
	// OutputAvailableResourcesHealthyReason: no rule, and the outputs can be read. True.
	OutputAvailableResourcesHealthyReason = "OutputsAvailable"
	// OutputNotAvailableResourcesHealthyReason: no rule, and they cannot. Unknown.
	OutputNotAvailableResourcesHealthyReason = "OutputNotAvailable"
	// AlwaysHealthyResourcesHealthyReason: the object is there, and that is enough. True.
	AlwaysHealthyResourcesHealthyReason = "AlwaysHealthy"
	// NoStampedObjectHealthyReason: there is no object to judge. Unknown.
	NoStampedObjectHealthyReason = "NoStampedObject"
	// MultiMatchConditionHealthyReason: a condition decided. True or False.
	MultiMatchConditionHealthyReason = "MatchedCondition"
	// MultiMatchFieldHealthyReason: a field decided. True or False.
	MultiMatchFieldHealthyReason = "MatchedField"
	// NoMatchesFulfilledReason: neither healthy nor unhealthy holds. Unknown.
	NoMatchesFulfilledReason = "NoMatchesFulfilled"
	// NoResourceResourcesHealthyReason: nothing is known of the resource. Unknown.
	NoResourceResourcesHealthyReason = "NoResource"
	// UnknownResourcesHealthyReason: nothing is known of its health. Unknown.
	UnknownResourcesHealthyReason = UnknownReason
	// A rule that names a single condition gives the reason <type>Condition.
)

// TemplatesReady, on a ClusterSupplyChain or ClusterDelivery.
const (
	// BlueprintTemplatesReady is True if every template that the blueprint names exists.
	BlueprintTemplatesReady = "TemplatesReady"
	// ReadyTemplatesReadyReason: they do. True.
	ReadyTemplatesReadyReason = ReadyReason
	// NotFoundTemplatesReadyReason: some do not. False.
	NotFoundTemplatesReadyReason = "TemplatesNotFound"
)

// RunTemplateReady, on a Runnable.
const (
	// RunTemplateReady is True if a run could be made and its outputs, where there are any, be read.
	RunTemplateReady = "RunTemplateReady"
	// ReadyRunTemplateReason: it could. True.
	ReadyRunTemplateReason = ReadyReason
	// NotFoundRunTemplateReason: the template could not be read. False, tried again.
	NotFoundRunTemplateReason = "RunTemplateNotFound"
	// TemplateStampFailureRunTemplateReason: the template could not be filled in, or nothing selected. False.
	TemplateStampFailureRunTemplateReason = "TemplateStampFailure"
	// StampedObjectRejectedByAPIServerRunTemplateReason: the API server refused the run. False.
	StampedObjectRejectedByAPIServerRunTemplateReason = "StampedObjectRejectedByAPIServer"
	// OutputPathNotSatisfiedRunTemplateReason: a run succeeded, but an output cannot be read from it. False.
	OutputPathNotSatisfiedRunTemplateReason = "OutputPathNotSatisfied"
	// FailedToListCreatedObjectsRunTemplateReason: earlier runs could not be listed. False, tried again.
	FailedToListCreatedObjectsRunTemplateReason = "FailedToListCreatedObjects"
	// ServiceAccountErrorRunTemplateReason: the service account cannot be used. False.
	ServiceAccountErrorRunTemplateReason = "ServiceAccountError"
	// ServiceAccountTokenErrorRunTemplateReason: the service account's token cannot be had. False.
	ServiceAccountTokenErrorRunTemplateReason = "ServiceAccountTokenError"
	// ClientBuilderErrorRunTemplateReason: acting as the service account is not possible. False.
	ClientBuilderErrorRunTemplateReason = "ClientBuilderError"
	// UnknownErrorRunTemplateReason: anything else. False, tried again.
	UnknownErrorRunTemplateReason = "UnknownError"
)

// StampedObjectCondition, on a Runnable.
const (
	// StampedObjectCondition has the status and message of the newest run's condition Succeeded.
	StampedObjectCondition = "StampedObjectCondition"
	// SucceededStampedObjectConditionReason: the run has that condition.
	SucceededStampedObjectConditionReason = "SucceededCondition"
	// UnknownStampedObjectConditionReason: it has not, or there is no run. Unknown.
	UnknownStampedObjectConditionReason = UnknownReason
)
