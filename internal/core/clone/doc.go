// SPDX-License-Identifier: Apache-2.0

// Package clone decides which images are copied where, and which objects are made to use the copies.
//
//	pod template ─Slots─▶ images ─Policies.For─▶ Choice: policy, copy wanted, or why not
//	                                                │
//	           what is known of the copies ─────────┴─Decide─▶ Verdicts ─▶ one Change of the object
//
// A policy is an ImageClonePolicy or what the environment says; both are the same here. No image is put into an object
// before its copy is known to be there, what was there before stays in an annotation, and any doubt leaves an object as it
// is. It never talks to a registry or a cluster.
package clone
