// SPDX-License-Identifier: Apache-2.0

// Package kube is a realize.World on a real cluster.
//
//	owner's service account ─Identities─▶ a client that acts as it (one shared transport, no tokens)
//	stamped kinds           ─Watches────▶ memory: only what carries our labels, stripped of what nobody reads
//	templates               ─Templates──▶ compiled once per resource version
//
//	World: Template from memory, Observe from memory, Apply by server-side apply
//
// On the steady path nothing here asks the API server anything. No Secret is
// ever kept.
package kube
