// SPDX-License-Identifier: Apache-2.0

// Package memory is a cluster that fits in a test: a realize.World that keeps
// its objects in a map and behaves like the real one where the core can tell.
//
//	Put, Edit, Report ─▶ objects ◀─▶ Template, Observe, Apply, Delete ─▶ Writes, in order
//	                                      ▲
//	                                   Before, After: what goes wrong, and when
//
// An apply owns the fields that it names and takes back those that it named
// before; fields of others stay. Lists belong to whoever wrote them as a whole,
// but for those whose elements have a name. A spec that changes gets a new
// generation. An object of somebody else is never taken over.
//
// It checks no schema and no rights: a test says what is refused, with Before.
package memory
