// SPDX-License-Identifier: Apache-2.0

// Package push has a git repository looked at as soon as something is pushed to it.
//
//	a git server's notification ─Heard─▶ which stamped GitRepositories does it move? (memory)
//	     ─▶ queue, each once a second ─▶ who acts for its owner? ─Ask─▶ an annotation, as that account
//
// An annotation is how Flux is asked to look. It is written with the rights of the account that stamped the object, and by a
// field manager of its own, so that it is no drift and nobody stamps anything for it.
//
// It needs no leadership: each replica passes on what it hears. It never believes what was said: Flux asks the git server. A
// push that finds no takers, or whose question is refused, is forgotten: the interval of the object holds.
package push
