// SPDX-License-Identifier: Apache-2.0

// Package runnable makes runs: objects that are made once for each content,
// never changed, and read when they have succeeded.
//
//	Runnable ─▶ template ─▶ selected ─▶ desired run ─digest─▶ is it there? ──▶ current run
//	                                                           │ no: Create       │ failed: another attempt,
//	                                                           ▼                  ▼ later
//	                            all runs ─▶ the one that succeeded ─▶ outputs
//	                                     ├▶ superseded: cancelled, if asked for
//	                                     └▶ more than are kept: deleted
//
// What a run is of, and which attempt at it, stands on the run: a restart, a
// kill at any moment and a stale cache all come to the same runs. Pipeline, as
// Runnable was spelled once, differs in data alone.
package runnable
