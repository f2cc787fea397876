// SPDX-License-Identifier: Apache-2.0

// Package lint finds what is wrong with the files of a platform, and says
// where and how to mend it.
//
//	documents ─┬─ schema     what the definitions of the kinds refuse: unknown fields, types, enums
//	           ├─ admission  what core/admit says of an object by itself
//	           └─ model ─────▶ what objects say of each other: inputs and params that nobody
//	                           reads, names that lead nowhere, selectors that tie
//	           ▼
//	         Findings, by file, line and column
//
// What a template reads is found by reading it, $(…)$ tags and ytt alike,
// without running it. Where that can't be told, as in ytt that computes a name,
// nothing is claimed to be unused. No finding quotes a value of a Secret.
package lint
