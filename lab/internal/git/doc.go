// SPDX-License-Identifier: Apache-2.0

// Package git is the lab's git server: Debian's git-http-backend behind users
// and hooks, with bare repositories on disk so that a restart keeps them.
//
//	fetch ──────────────▶ git-http-backend ──▶ <data>/git/<name>.git
//	push ──password?──────────┘   (the first push to a name makes the repository)
//	   └──event──▶ each --notify URL, for each --base, queued, retried, never waited for
//	GET /<name> ──▶ a page: branches, commits, files
//
// Anybody reads, but for names under private/; one user writes. It serves the
// smart protocol and pages of its own, no files of a repository's, and listens
// on loopback and, with a node, inside the lab's own network.
package git
