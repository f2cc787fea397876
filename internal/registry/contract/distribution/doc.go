// SPDX-License-Identifier: Apache-2.0

// Package distribution is the distribution project's registry, in process: what stands behind the front in tests that copy
// images, since it keeps the blobs of its repositories apart, as registries do.
//
//	test ──▶ contract.Front ──▶ New: distribution v3, its storage in memory
//
// It is for tests; nothing that is shipped imports it.
package distribution
