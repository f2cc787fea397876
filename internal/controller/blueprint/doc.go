// SPDX-License-Identifier: Apache-2.0

// Package blueprint tells whether a supply chain or a delivery can be followed:
// whether all the templates that it names are there.
//
//	blueprint or template changed ─▶ act: compile, look each template up ─▶ status, if it changed
package blueprint
