// SPDX-License-Identifier: Apache-2.0

// Package cloner is the image cloner's story, step by step, in a lab that plays
// Docker Hub: an application from there is copied to the lab's registry, runs
// from the copy, and starts when the Hub is gone.
//
//	Fill ─▶ Run or Install ─▶ Apply ─▶ Rewritten ─▶ Answers ─▶ Unlearn ─▶ hub stopped ─▶ Scale ─▶ Answers
//
// The YAML is that of examples/image-cloner. The demo tells the story, the
// journey holds it to account.
package cloner
