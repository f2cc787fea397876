// SPDX-License-Identifier: Apache-2.0

// Package source is the story from git to a URL, step by step: applications in
// four languages are pushed, built by kpack, deployed, and answer at a URL; a
// commit changes the answer; a Workload goes with all that was made for it.
//
//	Story ── PushApps ─▶ ApplyAdmin ─▶ ApplyWorkload ─▶ Answers ─▶ Edit ─▶ Answers ─▶ Delete
//	Trace ── when each step of each application was seen, for the table
//
// The YAML is that of examples/source-to-url, which nobody has touched since it
// was written for Cartographer; the lab answers for the hosts that it names. The
// demo tells the story, the journeys hold it to account.
package source
