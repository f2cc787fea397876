// SPDX-License-Identifier: Apache-2.0

// Package report says what became of an owner.
//
//	previous status + facts of this walk ─Status─▶ status     (what is true now)
//	two statuses                         ─Changes─▶ events    (what changed)
//	two statuses                         ─Orphans─▶ objects that no step stamps any more
//
// Types, reasons, messages and their order are API: they are Cartographer's.
// Nothing here reads a clock: the same facts at a later time give the same
// status, so that a restart finds nothing to write.
package report
