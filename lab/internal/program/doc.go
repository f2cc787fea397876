// SPDX-License-Identifier: Apache-2.0

// Package program is what the lab's own small programs have in common: they read
// flags, run until they are told to stop, and serve HTTP on some addresses.
//
//	Main ── flags, SIGTERM, exit code ─▶ run ─▶ Serve ── listen, serve, let clients finish
package program
