// SPDX-License-Identifier: Apache-2.0

// Package owner keeps owners on their course.
//
//	wake ─▶ queue ─▶ act: match ─▶ identity ─▶ walk ─▶ report ─▶ prune ─▶ write the status, if it changed
//	  ▲                                          │
//	  └── owner, template, blueprint, account, ──┘ what the walk depended on
//	      role, stamped object
//
// act.go says what happens, watch.go what wakes it. The kinds of owner differ
// in a Kind value only. Nothing that matters lives in this process: after a
// kill between any two writes the next walk finds what is left to do.
package owner
