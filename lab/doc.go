// SPDX-License-Identifier: Apache-2.0

// Package lab is a real Kubernetes on one machine, in one program: rhumb-lab.
// It is the project's demo, test bed and benchmark bed.
//
//	cmd/rhumb-lab ─┬─▶ internal/cli ──▶ internal/lab ──▶ box, cgroup, forward, process, render, …
//	               └─▶ internal/component: etcd, the Kubernetes programs, the registry
//	pause, coredns    run in pods, shipped as images by internal/image
//
// This folder itself holds only the test that needs a machine with root.
package lab
