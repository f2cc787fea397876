// SPDX-License-Identifier: Apache-2.0

// Package admission answers the API server's question whether to let an object
// of carto.run in, and which copies of its images a pod is to use. It keeps the
// certificate that it needs to be believed.
//
//	API server ─AdmissionReview─▶ Server ─decode─┬▶ core/admit ─▶ denied, or allowed with warnings
//	                              Images ─known──┴▶ core/clone ─▶ allowed, with a patch
//
//	Secret ─▶ Keeper ─┬─▶ what Server shows        clock ─▶ a new pair before the old one ends;
//	                  └─▶ caBundle of the webhooks          its CA is believed before it is shown
//
// All replicas answer and share the one Secret, which alone says what is true.
// The package judges nothing itself. Of a pod it asks Images, who answer from memory as a rule; no pod is ever refused.
package admission
