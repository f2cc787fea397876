// SPDX-License-Identifier: Apache-2.0

// Package admit says what is wrong with an object before it is let in.
//
//	object of carto.run ─Of─▶ problems, in order ─┬─Refusal──▶ the first error: why it is refused
//	                                              └─Warnings─▶ what to tell beside letting it in
//
// The webhook, `rhumb lint` and `rhumb test` all ask here. What the API server
// can tell by itself, it does (config/gen, config/admission), in the same words;
// these are Cartographer's, and so is their order: the first error is what a
// user sees.
//
// An error is what cannot work for anybody. What works in part, and was always
// let in, is a warning. The package looks at one object alone: it never asks
// whether a template that is named exists.
package admit
