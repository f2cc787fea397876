// SPDX-License-Identifier: Apache-2.0

// Package box makes the namespaces that a lab with a node lives in, and runs
// their process 1.
//
//	Start ──clone──▶ Init (PID 1): mounts, loopback, reaping ──▶ rhumb-lab inside
//	Enter ──setns──▶ a command of the user's in there
//
// The box has a network with nothing but loopback, its own processes, host
// name and mounts. Of the machine's files it sees all but those under /run,
// /var/log and /var/lib, where it has empty ones of its own: whatever a
// container runtime is used to leave there vanishes with the box.
package box
