// SPDX-License-Identifier: Apache-2.0

// Package cause says in one sentence why an owner is not ready: which object,
// what it says, and what would mend it.
//
//	errors of the walk ────────────┐
//	stamped objects' conditions ───┼─▶ Of ─▶ Verdict ─Sentence(previous)─▶ status.cause
//	what was found below them ─────┘
//	(events, pods, last lines)     └─▶ Wanted: which objects deserve a look
//
// A table of recognisers reads the evidence, the most specific first. The
// sentence is stable: no times, counters or names that change by themselves,
// so that a failure that goes on is not written again. It quotes no env, no
// args and no Secret; words from outside are bounded and masked.
package cause
