// SPDX-License-Identifier: Apache-2.0

// Package examples holds what is in the folder of that name against a real API
// server: each YAML is accepted, with no field that the API does not know.
//
//	config/crd ──────────────────────▶ API server ◀─create, for show, strictly─ examples/**/*.yaml
//	definitions of Flux, kpack, Tekton ───┘
//
// What the examples do once they are applied is for the journeys.
package examples
