// SPDX-License-Identifier: Apache-2.0

// Package process keeps child processes running: it starts them, writes their
// output to a file, starts them again when they end unasked, and stops them
// politely, then not.
//
//	Spec ──Start──▶ running ──dies──▶ waiting (0.5 s … 10 s) ──▶ running
//	                   └──Stop──▶ SIGTERM ──grace──▶ SIGKILL ──▶ stopped
//
// A child never outlives its parent: the kernel kills it when we die. The
// package knows nothing of what the children do.
package process
