// SPDX-License-Identifier: Apache-2.0

// Package archive keeps images in a folder or a tar, in the layout that OCI gives them, and lets the copy engine use it as
// one more registry.
//
//	registry ──Copier──▶ Serve ──▶ folder: blobs/sha256/…, index.json, images.lock.yaml
//	                       ▲   └─▶ tar:    the same, written once
//	registry ◀──Copier─────┘        both are read as they lie there; nothing is unpacked
//
// So what is true of a copy is true of an archive: whole indexes, the same digests, what is there is not sent again, the
// name last. A blob is in it under its digest only when all of it was read and hashed.
//
// It listens on loopback, for whoever has the password that each opening makes anew. No path in an archive leads out of it.
package archive
