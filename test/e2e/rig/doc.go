// SPDX-License-Identifier: Apache-2.0

// Package rig runs what a user would type, from Go: the lab, kubectl, make and
// go build, each found in the repository that the caller stands in.
//
//	Repo ─┬─ Lab(name) ── up, down, push, kubectl, kubeconfig   bin/rhumb-lab, data in .rhumb/<name>
//	      │           └─ Shell, Start ── programs in its own network; Hub
//	      ├─ Build, App ── programs for an image                go build
//	      └─ Manifest ──── dist/rhumb.yaml                      make dist
//	Cluster ── clients on a kubeconfig: wait for an object, ask a pod
//
// The demo, the journeys and the benchmark stand on it. It imports nothing from
// internal: what it cannot see, a user cannot see either.
package rig
