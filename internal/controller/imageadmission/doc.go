// SPDX-License-Identifier: Apache-2.0

// Package imageadmission knows what admission has to know of images before it lets a pod in: which policies there are, who
// made the pod, and how the copies are.
//
//	ImageClonePolicies ─Compile─▶ policies ┐
//	Namespaces, owners ──────────▶ Incoming ├─▶ Admit
//	ClonedImages ─▶ Known ◀─ one HEAD, if ──┘
//	                          they were last seen too long ago
//
// It answers on every replica, from memory as a rule, and writes nothing: that a copy is wanted is seen by whoever sees the
// pod. A registry that does not answer costs half a second, once in ten, and never a pod.
package imageadmission
