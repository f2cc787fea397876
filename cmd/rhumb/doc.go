// SPDX-License-Identifier: Apache-2.0

// Command rhumb renders, tests and lints supply chains from files, without a
// cluster. Named kubectl-rhumb it is a plugin: kubectl rhumb.
//
//	files ─paper─▶ ─┬─ render ─▶ preview ─▶ objects on stdout, what is missing on stderr
//	                ├─ test ───▶ suite, story ─▶ PASS or FAIL
//	                └─ lint ───▶ lint ─▶ findings with file, line and column
//
// Exit codes: 0 all is well, 1 something is wrong with what was read, 2 the
// command was not understood, 3 the answer could not be written.
package main
