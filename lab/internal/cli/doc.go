// SPDX-License-Identifier: Apache-2.0

// Package cli is the rhumb-lab command: flags in, text out. What the commands
// do is in package lab.
package cli
