// SPDX-License-Identifier: Apache-2.0

// Package preview answers what a platform would make of an owner, without a
// cluster: the walk is the controller's, the world is files.
//
//	Set + owner + given outputs ─Of─▶ Answer{blueprint, a Step for each of its resources}
//	                             Why─▶ which blueprint or option matched, and what kept the others from it
//
// It reads nothing but what it is handed, and a walk is all that it does: what
// it stamps exists nowhere.
package preview
