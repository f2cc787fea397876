// SPDX-License-Identifier: Apache-2.0

// Package story is the main job, step by step: an image is pushed, watched,
// deployed and answers; another build under the same tag, and it answers anew.
//
//	Story ── Install ─▶ PushApp ─▶ ApplyAdmin ─▶ ApplyWorkload ─▶ Answers ─▶ PushApp ─▶ Answers
//	Watch ── every change of the objects in between, as lines ─▶ a Log (printed, and kept for the table)
//
// The demo tells it, the journeys hold it to account. It changes the cluster by
// kubectl and the YAML in examples alone, as a user would; it never waits for a
// time, only for what it can see.
package story
