// SPDX-License-Identifier: Apache-2.0

// Package render turns a template and its context into an object.
//
//	template JSON ─Compile─▶ Template ─Render(context)─▶ object ─Stamp─▶ object with its owner's marks
//
// Templates are compiled once and rendered from any number of goroutines. What
// an owner writes is data: a value that looks like a tag is never evaluated.
// The package reads no cluster, no file and no clock.
package render
