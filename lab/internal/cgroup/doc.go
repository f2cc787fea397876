// SPDX-License-Identifier: Apache-2.0

// Package cgroup gives a lab a control group of its own in every hierarchy of
// the machine, version 1, version 2 or both, and removes it again. Two kubelets
// that shared one would kill each other's pods.
//
//	/proc/self/mountinfo ──Find──▶ hierarchies ──Make──▶ <hierarchy>/rhumb-lab-<name>
//	                                           ──Remove─▶ gone, with all below
//
// It moves no process: the kubelet does that with its pods.
package cgroup
