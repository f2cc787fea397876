// SPDX-License-Identifier: Apache-2.0

// Package distribution runs the contract of registries against the distribution project's registry, in process. It is a
// module of its own, since that registry brings more dependencies than all of ours together.
//
// It holds no code but tests.
package distribution
