// SPDX-License-Identifier: Apache-2.0

// Package view shows what was observed of an owner as people read it.
//
//	Facts (Workload, Deliverable, pods, URLs) ─▶ Text ─▶ sections, a table a step, the next command
//	Workloads, chains                         ─▶ List, Chains ─▶ tables
//	a Workload                                ─▶ Judge ─▶ ready, failing, waiting; and why
//
// It asks nobody: what is not in the facts is not shown. Words, order and
// spacing are those of the command line that people come from, since scripts
// read them.
package view
