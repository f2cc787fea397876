// SPDX-License-Identifier: Apache-2.0

// Package suite runs tests of templates and chains that are written down as
// folders, in the format of cartotest.
//
//	folders ─Find─▶ Cases, settings inherited from folder to folder
//	            Case ─Run─▶ what differs from what is expected, or nothing
//
// A case names a template and an owner, says what the chain around it is (a
// mock, or the real one) and which object is expected. Beyond cartotest a case
// may be about a Deliverable, a deployment template, or a chain as a whole, and
// may say what a controller observed and which outputs and health follow.
//
// A case only reads. The files are its author's own: a path may lead anywhere.
package suite
