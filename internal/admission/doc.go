// SPDX-License-Identifier: Apache-2.0

// Package admission answers the API server's question whether to let an object
// of carto.run in, and keeps the certificate that it needs to be believed.
//
//	API server ─AdmissionReview─▶ Server ─decode─▶ core/admit ─▶ denied, or allowed with warnings
//
//	Secret ─▶ Keeper ─┬─▶ what Server shows        clock ─▶ a new pair before the old one ends;
//	                  └─▶ caBundle of the webhooks          its CA is believed before it is shown
//
// All replicas answer and share the one Secret, which alone says what is true.
// The package judges nothing itself, and never asks about other objects.
package admission
