// SPDX-License-Identifier: Apache-2.0

// Package imageclone copies the images that a cluster runs to a registry of its own, and makes objects use the copies.
//
//	objects with pods ─▶ reconciler ─Choose─▶ ledger ─Engine.Copy─▶ registry
//	                        ▲   │                │
//	                        │   └─Decide─▶ one patch, when there is room for a rollout
//	                        └──────── woken ─────┘
//
// The registry is the truth: what is remembered of copies here costs questions if it is lost, never a second copy. Nothing
// waits for a copy; whoever wants one is woken.
package imageclone
