// SPDX-License-Identifier: Apache-2.0

// Package runnable makes runs for those who ask for them.
//
//	wake ─▶ queue ─▶ act: identity ─▶ walk ─▶ report ─▶ write the status, if it changed
//	  ▲                                │
//	  └── runnable, template, ─────────┘ what the walk depended on, and a clock where
//	      account, role, run,            a retry is due or a kind cannot be watched
//	      selected object
//
// act.go says what happens, watch.go what wakes it. Pipelines, as runnables
// were spelled once, differ in a Kind value only. Nothing that matters lives in
// this process: what was run, and how often, stands on the runs.
package runnable
