// SPDX-License-Identifier: Apache-2.0

// Package ytt evaluates ytt templates in processes of their own, which a
// template may ruin without harming anybody else.
//
//	Render ─▶ held back? ─▶ a free helper ─pipe─▶ parse once, evaluate ─pipe─▶ the object as JSON
//	               ▲              │ died, or out of time
//	               └── record ◀───┴── killed and replaced; its one caller hears why
//
// A helper is this program again, started under another name: Main, the first
// thing that a program does, notices and never returns. Templates and data go
// through pipes, never through arguments, the environment or a file. A helper
// has no environment, takes one template at a time, ends when its parent does,
// and ends itself when it outgrows its limits.
//
// Nothing of a template's data is ever part of an error about a helper's end,
// of a metric or of a log.
package ytt
