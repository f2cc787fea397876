// SPDX-License-Identifier: Apache-2.0

// Package render turns a lab's settings into what each component reads: its
// flags, its configuration file, the objects it is deployed by.
//
//	layout.Layout + layout.Settings ──▶ flags, YAML, TOML, JSON
//
// It is pure: it reads no file and starts nothing, so that a table of tests
// can state all of it.
package render
