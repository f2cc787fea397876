// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ImageRepository watches an image in its registry. Its status names the digest that the tag stands for, and a URL from
// which the image's files can be had.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource
// +kubebuilder:printcolumn:name="Image",type="string",JSONPath=".spec.image"
// +kubebuilder:printcolumn:name="URL",type="string",JSONPath=".status.url",priority=1
// +kubebuilder:printcolumn:name="Ready",type="string",JSONPath=".status.conditions[?(@.type=='Ready')].status"
// +kubebuilder:printcolumn:name="Reason",type="string",JSONPath=".status.conditions[?(@.type=='Ready')].reason"
// +kubebuilder:printcolumn:name="Age",type="date",JSONPath=".metadata.creationTimestamp"
type ImageRepository struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`

	// Spec is what to watch, and how.
	Spec ImageRepositorySpec `json:"spec"`
	// Status is what was seen.
	// +optional
	Status ImageRepositoryStatus `json:"status,omitzero"`
}

// ImageRepositorySpec is what to watch, and how.
type ImageRepositorySpec struct {
	// Image to watch, by tag or by digest, as the kubelet would be told: registry/name:tag
	// +kubebuilder:validation:MinLength=1
	Image string `json:"image"`
	// Interval between two looks at the registry, such as 5m or 30s. Looks at the same image are shared.
	// +kubebuilder:default="5m"
	// +kubebuilder:validation:XValidation:rule="duration(self) > duration('0s')",message="interval must be a duration such as 5m"
	// +optional
	Interval metav1.Duration `json:"interval,omitzero"`
	// ImagePullSecrets are Secrets of this namespace with credentials for the registry. They are tried first.
	// +optional
	ImagePullSecrets []corev1.LocalObjectReference `json:"imagePullSecrets,omitempty"`
	// ServiceAccountName is the service account of this namespace whose pull secrets are tried next.
	// +kubebuilder:default=default
	// +optional
	ServiceAccountName string `json:"serviceAccountName,omitempty"`
}

// ImageRepositoryStatus is what was seen in the registry.
type ImageRepositoryStatus struct {
	// ObservedGeneration is the generation of the spec that this status speaks of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// Conditions are ImageResolved, ArtifactAvailable and Ready.
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// URL from which the newest artifact can be fetched, inside the cluster.
	// +optional
	URL string `json:"url,omitempty"`
	// Artifact is the newest that was seen. It stays while the registry cannot be reached.
	// +optional
	Artifact *Artifact `json:"artifact,omitempty"`
}

// Artifact is an image as it was seen: its digest, and where its files are.
type Artifact struct {
	// URL of the files as a tar.gz, inside the cluster. They are fetched from the registry when first asked for.
	URL string `json:"url"`
	// Revision is the image with its digest: registry/name:tag@sha256:…
	Revision string `json:"revision"`
	// Path of the files on the server that offers them.
	// +optional
	Path string `json:"path,omitempty"`
	// Checksum of the image: its digest.
	// +optional
	Checksum string `json:"checksum,omitempty"`
	// LastUpdateTime is when this revision was seen first.
	// +optional
	LastUpdateTime metav1.Time `json:"lastUpdateTime,omitzero"`
}

// ImageRepositoryList is a list of image repositories.
//
// +kubebuilder:object:root=true
type ImageRepositoryList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata"`
	// Items are the image repositories.
	Items []ImageRepository `json:"items"`
}
