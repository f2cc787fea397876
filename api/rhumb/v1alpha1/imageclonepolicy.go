// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ImageClonePolicy says which images are copied to a registry of one's own, and whether workloads and pods use the copies.
// Of several policies that match an image the one with the highest priority decides.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Cluster,shortName=icp,categories=rhumb
// +kubebuilder:printcolumn:name="Priority",type="integer",JSONPath=".spec.priority"
// +kubebuilder:printcolumn:name="Strategy",type="string",JSONPath=".spec.rewrite.strategy"
// +kubebuilder:printcolumn:name="Target",type="string",JSONPath=".spec.target.pullName"
// +kubebuilder:printcolumn:name="Images",type="integer",JSONPath=".status.images.desired"
// +kubebuilder:printcolumn:name="Copied",type="integer",JSONPath=".status.images.ready"
// +kubebuilder:printcolumn:name="Failed",type="integer",JSONPath=".status.images.failed"
// +kubebuilder:printcolumn:name="Ready",type="string",JSONPath=".status.conditions[?(@.type=='Ready')].status"
// +kubebuilder:printcolumn:name="Reason",type="string",JSONPath=".status.conditions[?(@.type=='Ready')].reason",priority=1
// +kubebuilder:printcolumn:name="DryRun",type="boolean",JSONPath=".spec.dryRun",priority=1
// +kubebuilder:printcolumn:name="Age",type="date",JSONPath=".metadata.creationTimestamp"
type ImageClonePolicy struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`

	// Spec is what to copy where, and who uses it.
	Spec ImageClonePolicySpec `json:"spec"`
	// Status is what became of it.
	// +optional
	Status ImageClonePolicyStatus `json:"status,omitzero"`
}

// ImageClonePolicySpec is what to copy where, and who uses it.
type ImageClonePolicySpec struct {
	// Priority decides among policies that match the same image: the highest wins, then the first by name. It may be
	// negative. What the controller was told by environment variables comes after all policies.
	// +kubebuilder:default=0
	// +optional
	Priority int32 `json:"priority,omitempty"`
	// Match says which images of which pods are meant. Without it: all, outside of Kubernetes' own namespaces and Rhumb's.
	// +kubebuilder:default={}
	// +optional
	Match ImageCloneMatch `json:"match,omitzero"`
	// Target is the registry that the copies are for.
	Target ImageCloneTarget `json:"target"`
	// Sources say how registries that images come from are reached. A registry that is not here, nor matched by "*", is
	// asked as the controller's own configuration says.
	// +listType=map
	// +listMapKey=host
	// +kubebuilder:validation:MaxItems=100
	// +optional
	Sources []ImageCloneSource `json:"sources,omitempty"`
	// Copy says what of an image is copied.
	// +kubebuilder:default={}
	// +optional
	Copy ImageCloneCopy `json:"copy,omitzero"`
	// Rewrite says who is made to use the copies.
	// +kubebuilder:default={}
	// +optional
	Rewrite ImageCloneRewrite `json:"rewrite,omitzero"`
	// Refresh says when a tag that was copied is looked at again.
	// +kubebuilder:default={}
	// +optional
	Refresh ImageCloneRefresh `json:"refresh,omitzero"`
	// Cleanup says whether copies that nobody uses are deleted.
	// +kubebuilder:default={}
	// +optional
	Cleanup ImageCloneCleanup `json:"cleanup,omitzero"`
	// DryRun says what would be done, in the status, and does nothing: nothing is copied, rewritten or deleted.
	// +optional
	DryRun bool `json:"dryRun,omitempty"`
}

// ImageCloneMatch says which images of which pods are meant. All of it has to match.
type ImageCloneMatch struct {
	// NamespaceSelector selects namespaces by their labels. An empty one, {}, selects all. Without it all but kube-system,
	// kube-public, kube-node-lease and rhumb-system are: whatever a registry needs to start must not wait for that registry.
	// +kubebuilder:default={matchExpressions: {{key: "kubernetes.io/metadata.name", operator: NotIn, values: {"kube-system", "kube-public", "kube-node-lease", "rhumb-system"}}}}
	// +optional
	NamespaceSelector *metav1.LabelSelector `json:"namespaceSelector,omitempty"`
	// PodSelector selects pods, and workloads by their pod template, by labels. Without it all are selected.
	// +optional
	PodSelector *metav1.LabelSelector `json:"podSelector,omitempty"`
	// Kinds of workloads that are meant; all if there are none. A pod is of the kind at the top of its owners: that of a
	// Job of a CronJob is CronJob, and Pod is a pod that none of the others made.
	// +listType=set
	// +kubebuilder:validation:MaxItems=6
	// +optional
	Kinds []ImageCloneKind `json:"kinds,omitempty"`
	// OwnedWorkloads says what to do with workloads that another controller owns, such as the StatefulSet of a database's
	// operator. Skip copies their images and leaves them as they are, since their owner would put the originals back.
	// Include rewrites them. Pods are rewritten by admission either way.
	// +kubebuilder:default=Skip
	// +optional
	OwnedWorkloads OwnedWorkloads `json:"ownedWorkloads,omitempty"`
	// Images says which images are meant, by their names.
	// +kubebuilder:default={}
	// +optional
	Images ImageCloneGlobs `json:"images,omitzero"`
	// Expression is a condition in CEL that has to be true of the pod: !('example.com/skip' in pod.annotations). It reads
	// pod.name, .namespace, .kind (as kinds has it), .labels, .annotations and .namespaceLabels; of a workload, those of its
	// pod template. Where it cannot be evaluated, such as for a label that is not there, the pod is not meant.
	// +kubebuilder:validation:MaxLength=4096
	// +optional
	Expression string `json:"expression,omitempty"`
}

// ImageCloneKind is a kind that pods come from.
//
// +kubebuilder:validation:Enum=Deployment;StatefulSet;DaemonSet;CronJob;Job;Pod
type ImageCloneKind string

// OwnedWorkloads says what to do with workloads that another controller owns.
//
// +kubebuilder:validation:Enum=Skip;Include
type OwnedWorkloads string

// What to do with workloads that another controller owns.
const (
	OwnedSkip    OwnedWorkloads = "Skip"
	OwnedInclude OwnedWorkloads = "Include"
)

// ImageCloneGlobs select images by their full names: docker.io/library/nginx:1.27, ghcr.io/a/b:v1@sha256:…; a name without
// tag and digest ends in :latest. * stands for anything but a slash, ** for anything, ? for one character. A glob without
// a tag matches every tag and digest.
type ImageCloneGlobs struct {
	// Include are those that are meant; all if there are none.
	// +listType=set
	// +kubebuilder:validation:MaxItems=100
	// +optional
	Include []ImageGlob `json:"include,omitempty"`
	// Exclude are those that are not meant, whatever includes them.
	// +listType=set
	// +kubebuilder:validation:MaxItems=100
	// +optional
	Exclude []ImageGlob `json:"exclude,omitempty"`
}

// ImageGlob selects images by their full names.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=512
// +kubebuilder:validation:XValidation:rule="self.matches('^[A-Za-z0-9._/:@*?-]*$')",message="an image glob has letters, digits, . _ - / : @ and the wildcards * ** ?, and nothing else: write it without brackets, braces and blanks"
// +kubebuilder:validation:XValidation:rule="!self.contains('***')",message="an image glob has no ***: write ** for anything, * for anything but a slash"
// +kubebuilder:validation:XValidation:rule="!self.contains('//')",message="an image glob is a name, not a URL: write it without a scheme, and with single slashes"
type ImageGlob string

// ImageClonePolicyList is a list of image clone policies.
//
// +kubebuilder:object:root=true
type ImageClonePolicyList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata"`
	// Items are the policies.
	Items []ImageClonePolicy `json:"items"`
}
