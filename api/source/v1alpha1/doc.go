// SPDX-License-Identifier: Apache-2.0

// Package v1alpha1 holds the kinds of the group source.apps.tanzu.vmware.com:
// things outside of the cluster that are watched, and offered inside of it.
//
//	registry ◀─HEAD, at an interval─ ImageRepository ─▶ status.artifact.revision  name:tag@sha256:…
//	                                                 └▶ status.artifact.url       its files, as a tar.gz
//
// The package holds no behaviour; the comments are what `kubectl explain` prints.
//
// +kubebuilder:object:generate=true
// +groupName=source.apps.tanzu.vmware.com
package v1alpha1
