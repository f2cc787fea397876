// SPDX-License-Identifier: Apache-2.0

// Package push knows whom a push to a git repository concerns.
//
//	a git server's notification ──▶ Pushed{addresses, refs} ──Moves──▶ a Flux GitRepository: may it have something new to fetch?
//
// One repository has many addresses (HTTPS, SSH, with a user, with .git, with a port): Place is what they have in common.
// A push is a hint to look, never a fact: whoever looks asks the git server.
package push
