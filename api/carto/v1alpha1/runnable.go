// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Runnable makes something that runs once, a test or a task, run again whenever its inputs change, and keeps the
// outputs of the newest run that succeeded.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=run
// +kubebuilder:printcolumn:name="Ready",type="string",JSONPath=".status.conditions[?(@.type=='Ready')].status"
// +kubebuilder:printcolumn:name="Reason",type="string",JSONPath=".status.conditions[?(@.type=='Ready')].reason"
// +kubebuilder:printcolumn:name="Cause",type="string",JSONPath=".status.cause",priority=1
// +kubebuilder:printcolumn:name="Age",type="date",JSONPath=".metadata.creationTimestamp"
type Runnable struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`

	// Spec is what to run, and with what.
	Spec RunnableSpec `json:"spec"`
	// Status is what came of it.
	// +optional
	Status RunnableStatus `json:"status,omitempty"`
}

// RunnableSpec is what to run, and with what.
type RunnableSpec struct {
	// RunTemplateRef names the template of the object that runs.
	RunTemplateRef TemplateReference `json:"runTemplateRef"`
	// Selector finds one object whose content the template may use.
	// +optional
	Selector *ResourceSelector `json:"selector,omitempty"`
	// Inputs that the template may use: by name, any JSON value. A change starts a new run.
	// +optional
	Inputs map[string]JSON `json:"inputs,omitempty"`
	// ServiceAccountName is the account, in the runnable's namespace, in whose name runs are created. "default"
	// without it.
	// +optional
	ServiceAccountName string `json:"serviceAccountName,omitempty"`
	// RetentionPolicy says how many finished runs to keep.
	// +kubebuilder:default={maxFailedRuns: 10, maxSuccessfulRuns: 10}
	// +optional
	RetentionPolicy RetentionPolicy `json:"retentionPolicy,omitzero"`
	// Concurrency says what becomes of a run that has not finished when newer inputs start another. Without it both go
	// on.
	// +optional
	Concurrency *RunConcurrency `json:"concurrency,omitempty"`
	// RetryPolicy says how often a run that failed is made again. Never without it.
	// +optional
	RetryPolicy *RunRetryPolicy `json:"retryPolicy,omitempty"`
}

// RunConcurrency says what becomes of a run that has not finished when newer inputs start another.
type RunConcurrency struct {
	// CancelSuperseded ends a run as soon as one of newer inputs is made: a TaskRun or PipelineRun of Tekton is
	// cancelled and stays to be looked at, an object of any other kind is deleted.
	// +optional
	CancelSuperseded bool `json:"cancelSuperseded,omitempty"`
}

// RunRetryPolicy says how often, and how soon, a run that failed is made again.
type RunRetryPolicy struct {
	// MaxRetries is how often a run of the same inputs is made again, from 1 to 10.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=10
	MaxRetries int64 `json:"maxRetries"`
	// Backoff is how long to wait before each retry.
	// +kubebuilder:default={initial: "10s", max: "5m"}
	// +optional
	Backoff RunBackoff `json:"backoff,omitzero"`
}

// RunBackoff is how long to wait before each retry: twice as long as before the one before it. Durations are written
// like 30s, 5m or 1h30m, and are from 1s to 24h.
type RunBackoff struct {
	// Initial is the wait before the first retry.
	// +kubebuilder:default="10s"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^([0-9]+(ms|s|m|h))+$`
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1s') && duration(self) <= duration('24h')",message="must be from 1s to 24h"
	// +optional
	Initial metav1.Duration `json:"initial,omitzero"`
	// Max is the longest wait.
	// +kubebuilder:default="5m"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^([0-9]+(ms|s|m|h))+$`
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1s') && duration(self) <= duration('24h')",message="must be from 1s to 24h"
	// +optional
	Max metav1.Duration `json:"max,omitzero"`
}

// TemplateReference names a ClusterRunTemplate.
type TemplateReference struct {
	// Kind is ClusterRunTemplate, whatever it says.
	// +optional
	Kind string `json:"kind,omitempty"`
	// Name of the ClusterRunTemplate.
	// +kubebuilder:validation:MinLength=1
	Name string `json:"name"`
}

// ResourceSelector finds exactly one object.
type ResourceSelector struct {
	// Resource is the type of the object.
	Resource ResourceType `json:"resource"`
	// MatchingLabels that the object, and no other, carries.
	MatchingLabels map[string]string `json:"matchingLabels"`
}

// ResourceType is a type of objects.
type ResourceType struct {
	// APIVersion of the objects.
	// +optional
	APIVersion string `json:"apiVersion,omitempty"`
	// Kind of the objects.
	// +optional
	Kind string `json:"kind,omitempty"`
}

// RunnableStatus is what came of a runnable.
type RunnableStatus struct {
	// ObservedGeneration is the generation of the spec that this status speaks of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// Conditions are RunTemplateReady, StampedObjectCondition and Ready.
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// Outputs of the newest run that succeeded: by name, any JSON value.
	// +optional
	Outputs map[string]JSON `json:"outputs,omitempty"`
	// Cause is why the runnable is not ready, in one sentence with its evidence, found by following the run down to
	// what failed in it; and what would mend it. Empty while the runnable is ready.
	// +optional
	Cause string `json:"cause,omitempty"`
}

// RunnableList is a list of runnables.
//
// +kubebuilder:object:root=true
type RunnableList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata"`
	// Items are the runnables.
	Items []Runnable `json:"items"`
}
