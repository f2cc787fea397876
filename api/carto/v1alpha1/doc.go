// SPDX-License-Identifier: Apache-2.0

// Package v1alpha1 holds the kinds of the group carto.run: what people
// write about software on its way to production, and what they read about it.
//
//	developers   Workload ─────────┐             Deliverable ─────┐          Runnable ───────┐
//	                               ▼ matched by                   ▼ matched by              ▼ names
//	platform     ClusterSupplyChain              ClusterDelivery             ClusterRunTemplate
//	teams            └─▶ ClusterSourceTemplate       └─▶ ClusterDeploymentTemplate
//	                     ClusterImageTemplate            ClusterSourceTemplate
//	                     ClusterConfigTemplate           ClusterConfigTemplate
//	                     ClusterTemplate                 ClusterTemplate
//
// Pipeline and RunTemplate are Runnable and ClusterRunTemplate as they were
// spelled once; they are understood, and say what they are called now.
//
// A file holds a kind; what several kinds share is in owner.go, blueprint.go,
// template.go and status.go. The comments are what `kubectl explain` prints.
//
// Fields that are pointers evaluate to null in a template while they are
// unset, plain strings to "", structs to an object. Templates rely on it, so a
// change of a field's Go type is a change of the API.
//
// The package holds no behaviour: no defaults in code, no validation (that is
// CEL, in the markers), no conversion between the spellings of a blueprint.
//
// +kubebuilder:object:generate=true
// +groupName=carto.run
package v1alpha1
