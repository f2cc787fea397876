// SPDX-License-Identifier: Apache-2.0

// Package paper reads what people wrote down: files of YAML or JSON, or
// standard input, with each value's file, line and column.
//
//	paths ─Read─▶ Documents ─Sort─▶ Set{chains, templates, owners, …}
//	                  └────Locate(".spec.resources[0].name")─▶ file:line:column
//
// A file is somebody's input and may be anything: what is too big, not text or
// unfolds without end is refused by name. An error names places, never values:
// a file may hold a Secret. Nothing is ever written, fetched or run.
package paper
