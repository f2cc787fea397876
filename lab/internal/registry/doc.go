// SPDX-License-Identifier: Apache-2.0

// Package registry is the lab's OCI registry: CNCF distribution, embedded,
// with its blobs and tags on disk so that a restart keeps every image.
//
//	push ──▶ handlers.App ──▶ <data>/registry
//	              └──event──▶ each --notify URL, queued, retried, never waited for
//
// It has neither users nor TLS: it listens on loopback and, with a node,
// inside the lab's own network.
package registry
