// SPDX-License-Identifier: Apache-2.0

// Package draft makes a Workload of what its developer writes: a file, and
// flags on top of it, laid over what is there.
//
//	there ─┐
//	file ──┼─ Merge | Replace ─▶ Flags.Over ─▶ Check ─▶ wanted ─┬─ Diff ──▶ numbered lines to read before a yes
//	flags ─┘                                                    └─ Patch ─▶ what differs, and nothing else
//
// A file that lacks a field never takes it away, unless it is to replace all; a
// flag always has the last word. What the API server or a controller wrote is
// no part of a draft.
package draft
