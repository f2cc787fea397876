// SPDX-License-Identifier: Apache-2.0

// Package neighbour reads what 'make neighbours' made of a project that stands
// beside Rhumb in a real cluster: its programs, and the objects that install it.
//
//	bin/neighbours/flux/  neighbour.yaml   which program becomes which image
//	                      manifest.yaml    the project's own installation
//	                      source-controller
//	          └─Open─▶ Neighbour ─Objects(references)─▶ what to apply, in order
//
// It talks to no cluster and no registry.
package neighbour
