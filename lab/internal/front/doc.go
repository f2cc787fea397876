// SPDX-License-Identifier: Apache-2.0

// Package front answers for names of the outside world, inside the box only:
// github.com, ghcr.io, and whatever else a lab is told to be.
//
//	pod ──https://github.com──▶ front ──▶ git server
//	pod ──https://ghcr.io─────▶ front ──password?──▶ registry
//	                              └── a certificate for each name, minted when asked
//	                                  for, from an authority that the lab's images trust
//
// It stores nothing. Who may push to git is git's own decision; who may push to
// the registry is decided here, since the registry knows no users.
package front
